import type { OfferedTools } from '../chat.ts';
import { redactJson } from './redact-message.ts';
import { redactRow, type Redactor } from './redact/index.ts';
import type { Turn } from './redact/lanes.ts';

/** Characters held of what was redacted lately. */
const mostCharacters = 4 * 2 ** 20;

/**
 * Redacts what requests offer the model to call, as JSON text. The requests of an application offer mostly the same: what
 * was made of it is kept in memory for the next. So it is redacted by itself, and numbered marks are its own, not its row's.
 */
export function createToolsRedactor(redactor: Pick<Redactor, 'startRow' | 'chain'>) {
  const known = new Map<string, string>();
  let characters = 0;

  function keep(raw: string, redacted: string): string {
    const size = raw.length + redacted.length;
    if (characters + size > mostCharacters) {
      known.clear();
      characters = 0;
    }
    if (size <= mostCharacters && !known.has(raw)) {
      known.set(raw, redacted);
      characters += size;
    }
    return redacted;
  }

  return {
    /** By the first redactor alone. */
    redact(tools: OfferedTools): string {
      const raw = JSON.stringify(tools);
      const redact = redactor.startRow();
      return known.get(raw) ?? keep(raw, JSON.stringify(redactJson(tools, (text) => redact(text).text)));
    },
    /** By the second one, too. Rejects with `redactor_unavailable`. */
    async redactChained(tools: OfferedTools, options: { turn: Turn }): Promise<string> {
      const raw = JSON.stringify(tools);
      const redacted = known.get(raw) ?? (await redactRow(redactor, (redact) => redactJson(tools, redact), options));
      return typeof redacted === 'string' ? redacted : keep(raw, JSON.stringify(redacted));
    },
  };
}
