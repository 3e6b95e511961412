import { Readable } from 'node:stream';
import { z } from 'zod';
import { messageSchema } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { redactJson, type RedactText } from '../log/redact-message.ts';
import { newRequestId } from '../log/request-id.ts';
import { Deltas, readCompletion, type Completion } from './completion.ts';
import { editJson, type Edits } from './edit-json.ts';
import { endOfEvents, event, passEvents } from './events.ts';
import type { AnswerFacts } from './log-answer.ts';
import type { ClientRequest, EndpointReply, ServedModel } from './model.ts';
import type { Serving } from './serving.ts';
import { describeFailure, describeStatus, notACompletion } from './upstream.ts';

/** A client's request to be passed on to an endpoint. */
export interface PassRequest extends ClientRequest {
  model: string;
  messages: unknown;
  user: string | undefined;
  /** Aborted when the client has gone: the endpoint is told to stop. */
  signal: AbortSignal;
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

/** Texts of an answer that are read and redacted later. */
export interface PassedTexts {
  messages: unknown;
  completion: () => Completion | undefined;
  /** Characters held until then. */
  size: number;
}

export interface PassOptions {
  /** Resolves when the row is as safe as `log.durable` asks. */
  log: (facts: AnswerFacts, texts: PassedTexts) => Promise<void>;
  redact: RedactText;
  now: () => number;
}

const messagesSchema = z.array(messageSchema).min(1);
export const readMessages = (given: unknown) => messagesSchema.safeParse(given).data;

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
  const ts = new Date(now());
  const requestId = newRequestId(ts);
  const { incident } = serving; // of the moment of the request: a switch may come before the answer
  const start = performance.now();
  const reply = await pass(request, request.signal);
  const facts = (): AnswerFacts => ({
    ...{ serving, requestId, ts, incident, user: request.user, source: 'production' },
    latencyMs: performance.now() - start,
  });
  const latencyMs = 'json' in reply.body ? performance.now() - start : null;
  const passed = { requestId, version: serving.version, status: reply.status, headers: passHeaders(reply), latencyMs };
  if (reply.status !== 200 && 'json' in reply.body) {
    return { passed: { ...passed, ...errorReply(reply.status, reply.body.json, redact) } };
  }
  const edits: Edits = {
    id: `"${requestId}"`,
    model: JSON.stringify(request.model),
    ...(request.wantsLogprobs ? {} : { choices: { logprobs: 'null' } }),
  };
  const { messages } = request;
  if ('json' in reply.body) {
    const { json } = reply.body;
    const edited = editCompletion(json, edits);
    await log(facts(), { messages, completion: () => readCompletion(json), size: request.json.length + json.length });
    return { passed: { ...passed, body: { json: edited } } };
  }
  const deltas = new Deltas();
  const events = Readable.from(passDeltas(reply.body.events, { deltas, edits, redact, request }), { highWaterMark: 4 });
  const ended = new Promise<void>((resolve) => {
    events.once('close', () => {
      // An answer that never came is no row.
      if (deltas.began || deltas.finished) {
        void log(facts(), { messages, completion: () => deltas.completion(), size: request.json.length });
      }
      resolve();
    });
  });
  return { passed: { ...passed, body: { events } }, ended };
}

function editCompletion(json: string, edits: Edits): string {
  if (!json.includes('"choices"')) throw notACompletion();
  try {
    return editJson(json, edits);
  } catch {
    throw notACompletion(); // a SyntaxError
  }
}

/** Ends with an event that holds an error when the endpoint fails on the way: the status has long been sent. */
async function* passDeltas(
  body: Readable,
  { deltas, edits, redact, request }: { deltas: Deltas; edits: Edits; redact: RedactText; request: PassRequest },
): AsyncGenerator<string, void> {
  function passData(data: string): string {
    if (data === endOfEvents) {
      deltas.finished = true;
      return data;
    }
    const chunk: unknown = JSON.parse(data);
    const error = endpointError.safeParse(chunk);
    if (error.success) return JSON.stringify(redactJson(error.data, redact));
    deltas.add(chunk);
    return editJson(data, edits);
  }
  try {
    yield* passEvents(body, passData);
  } catch (error) {
    if (request.signal.aborted) return;
    const known = error instanceof RelearnError ? error : describeBroken(error);
    request.onBroken(known);
    yield event({ error: { message: known.message, type: known.type, code: known.code } });
  }
}

function describeBroken(error: unknown): RelearnError {
  if (error instanceof SyntaxError) return notACompletion();
  const { code } = describeFailure(error, { timeoutMs: 0 });
  const why = code === 'upstream_timeout' ? 'paused for longer than serve.timeoutSeconds' : 'broke off';
  return new RelearnError(code, `The upstream ${why} in the middle of its answer.`);
}

const endpointError = z.looseObject({ error: z.looseObject({ message: z.string() }) });

/**
 * An endpoint's error with its own status. Its text passes redacted, as it may quote the prompt; a refused key is ours,
 * not the client's, and a text in another shape is left out.
 */
function errorReply(status: number, json: string, redact: RedactText): Pick<Passed, 'status' | 'body'> {
  const known = describeStatus(status);
  if (status === 401 || status === 403 || status < 400) throw known;
  const given = endpointError.safeParse(parseOrUndefined(json));
  const { message, type, code } = known;
  const error = given.success ? redactOr(message, given.data.error, redact) : { message };
  return { status, body: { json: JSON.stringify({ error: { type, code, ...error } }) } };
}

function redactOr(message: string, error: object, redact: RedactText): object {
  try {
    return Object.fromEntries(Object.entries(error).map(([key, value]) => [key, redactJson(value, redact)]));
  } catch {
    return { message };
  }
}

function parseOrUndefined(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
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
