import { Readable } from 'node:stream';
import { RelearnError } from '../errors.ts';
import { redactJson, type RedactText } from '../log/redact-message.ts';
import { Deltas, type Completion } from './completion.ts';
import { editJson, type Edits } from './edit-json.ts';
import { endOfEvents, event, passEvents } from './events.ts';
import { endpointError } from './pass-error.ts';
import type { PassRequest } from './pass.ts';
import { describeFailure, notACompletion } from './upstream.ts';

export interface PassStreamOptions {
  edits: Edits;
  redact: RedactText;
  request: Pick<PassRequest, 'caller' | 'onBroken'>;
  /** Hands what was answered to the log; with `log.durable` resolves when the row is safe. */
  add: (completion: Completion) => Promise<void> | undefined;
}

/**
 * Passes an endpoint's stream on and logs what it said, once. The end of it, `[DONE]`, is sent when the row is as safe as
 * `log.durable` asks. `ended` resolves when nothing more is read of the endpoint.
 */
export function passStream(body: Readable, options: PassStreamOptions): { events: Readable; ended: Promise<void> } {
  const deltas = new Deltas();
  let logged = false;

  /** An answer that never came is no row. */
  function log(): Promise<void> | undefined {
    if (logged || !(deltas.began || deltas.finished)) return undefined;
    logged = true;
    return options.add(deltas.completion());
  }

  const events = Readable.from(passDeltas(body, deltas, log, options), { highWaterMark: 4 });
  const ended = new Promise<void>((resolve) => {
    events.once('close', () => {
      void log();
      resolve();
    });
  });
  return { events, ended };
}

/** Ends with an event that holds an error when the endpoint fails on the way: the status has long been sent. */
async function* passDeltas(
  body: Readable,
  deltas: Deltas,
  log: () => Promise<void> | undefined,
  { edits, redact, request }: PassStreamOptions,
): AsyncGenerator<string, void> {
  function passData(data: string): string {
    if (data === endOfEvents) {
      deltas.over = deltas.finished = true;
      return data;
    }
    const chunk: unknown = JSON.parse(data);
    const error = endpointError.safeParse(chunk);
    if (error.success) return JSON.stringify(redactJson(error.data, redact));
    deltas.add(chunk);
    return editJson(data, edits);
  }

  try {
    for await (const events of passEvents(body, passData)) {
      if (deltas.over) await log();
      yield events;
    }
    await log();
  } catch (error) {
    if (request.caller.gone) return;
    const known = error instanceof RelearnError ? error : describeBroken(error);
    request.onBroken(known);
    await log();
    yield event({ error: { message: known.message, type: known.type, code: known.code } });
  }
}

function describeBroken(error: unknown): RelearnError {
  if (error instanceof SyntaxError) return notACompletion();
  const { code } = describeFailure(error, { timeoutMs: 0 });
  const why = code === 'upstream_timeout' ? 'paused for longer than serve.timeoutSeconds' : 'broke off';
  return new RelearnError(code, `The upstream ${why} in the middle of its answer.`);
}
