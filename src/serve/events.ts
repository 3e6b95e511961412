import { RelearnError } from '../errors.ts';

/** Characters of one event of an endpoint. */
const longestEvent = 4 * 2 ** 20;

/**
 * Passes server-sent events on as they come, each `data` line through `edit`; all else stays as it is. What arrived
 * together leaves together. Throws `upstream_failed` for an event that does not end.
 */
export async function* passEvents(
  body: AsyncIterable<Uint8Array>,
  edit: (data: string) => string,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of body) {
    pending += decoder.decode(bytes, { stream: true });
    const end = pending.lastIndexOf('\n') + 1;
    if (end > 0) {
      yield pending
        .slice(0, end - 1)
        .split('\n')
        .map((line) => `${passLine(line, edit)}\n`)
        .join('');
      pending = pending.slice(end);
    }
    if (pending.length > longestEvent) throw new RelearnError('upstream_failed', 'The upstream sent an endless event.');
  }
  if (pending !== '') yield `${passLine(pending, edit)}\n\n`;
}

function passLine(line: string, edit: (data: string) => string): string {
  if (!line.startsWith('data:')) return line;
  return `data: ${edit(line.slice('data:'.length).trim())}`;
}

/** The line that ends a stream of OpenAI's. */
export const endOfEvents = '[DONE]';

export function event(data: object | typeof endOfEvents): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}
