import type { Readable } from 'node:stream';
import type { RelearnError } from '../errors.ts';
import type { RedactText } from '../log/redact-message.ts';
import { requestTime } from '../log/request-id.ts';
import type { Caller } from './caller.ts';
import { editJson, type Edits } from './edit-json.ts';
import type { AnswerLog, RawAnswer } from './log-answer.ts';
import type { ClientRequest, EndpointReply, ServedModel } from './model.ts';
import type { Serving } from './serving.ts';
import { errorReply } from './pass-error.ts';
import { passStream } from './pass-stream.ts';
import { notACompletion } from './upstream.ts';

/** A client's request to be passed on to an endpoint. */
export interface PassRequest extends ClientRequest {
  model: string;
  requestId: string;
  /** The row's time. Left out: that of the request id. */
  at?: Date;
  user: string | undefined;
  /** The caller marks the request as worth keeping. */
  flagged: boolean;
  /** When the client has gone the endpoint is told to stop. */
  caller: Caller;
  /** Told when the endpoint fails in the middle of a stream. */
  onBroken: (error: RelearnError) => void;
}

/** What goes back to the client. */
export interface Passed {
  requestId: string;
  version: string;
  /** Time until the endpoint's answer was here; null for a stream, whose time is the endpoint's own. */
  latencyMs: number | null;
  status: number;
  /** Of the endpoint's headers, those that clients act on. */
  headers: Record<string, string | string[]>;
  body: { json: string } | { events: Readable };
}

export interface PassOptions {
  log: Pick<AnswerLog, 'add'>;
  redact: RedactText;
  now: () => number;
}

/**
 * Passes a request on to the endpoint behind a version: the answer gets our request id and the model's configured name,
 * and is logged after it has been sent. Undefined when the version is no endpoint. Throws what the endpoint throws.
 */
export function passRequest(options: PassOptions, serving: Serving, request: PassRequest): Promise<Passed | undefined> {
  return new Promise((resolve, reject) => {
    // The version stays loaded until a stream has ended; the client has its head long before.
    serving
      .use(async ({ pass }) => {
        if (pass === undefined) return resolve(undefined);
        const { passed, ended } = await passTo(pass, serving, request, options);
        resolve(passed);
        await ended;
      })
      .catch(reject);
  });
}

async function passTo(
  pass: NonNullable<ServedModel['pass']>,
  serving: Serving,
  request: PassRequest,
  { log, redact, now }: PassOptions,
): Promise<{ passed: Passed; ended?: Promise<void> }> {
  const { requestId } = request;
  const { incident, facts: served } = serving; // of the moment of the request: a switch may come before the answer
  const start = performance.now();
  const reply = await pass(request, request.caller);
  const add = (completion: RawAnswer['completion']): Promise<void> | undefined =>
    log.add({
      served,
      requestId,
      ts: request.at ?? requestTime(requestId) ?? new Date(now()),
      incident,
      user: request.user,
      source: 'production',
      flagged: request.flagged,
      latencyMs: performance.now() - start,
      messages: request.json,
      completion,
      redacted: 'none',
    });
  const latencyMs = 'json' in reply.body ? performance.now() - start : null;
  const { status, body } = reply;
  const headers = passHeaders(reply);
  const { version } = served;
  if (status !== 200 && 'json' in body) {
    return { passed: { requestId, version, headers, latencyMs, ...errorReply(status, body.json, redact) } };
  }
  const edits = editsOf(request);
  if ('json' in body) {
    const edited = editCompletion(body.json, edits);
    const held = add(body.json);
    if (held !== undefined) await held;
    return { passed: { requestId, version, latencyMs, status, headers, body: { json: edited } } };
  }
  const { events, ended } = passStream(body.events, { edits, redact, request, add });
  return { passed: { requestId, version, latencyMs, status, headers, body: { events } }, ended };
}

const withoutLogprobs: Edits = { logprobs: 'null' };

function editsOf({ requestId, model, wantsLogprobs }: PassRequest): Edits {
  const id = `"${requestId}"`;
  const name = JSON.stringify(model);
  return wantsLogprobs ? { id, model: name } : { id, model: name, choices: withoutLogprobs };
}

function editCompletion(json: string, edits: Edits): string {
  if (!json.includes('"choices"')) throw notACompletion();
  try {
    return editJson(json, edits);
  } catch {
    throw notACompletion(); // a SyntaxError
  }
}

function passHeaders({ headers }: EndpointReply): Passed['headers'] {
  const passed: Passed['headers'] = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && (name.startsWith('retry-after') || name.startsWith('x-ratelimit-')))
      passed[name] = value;
  }
  return passed;
}
