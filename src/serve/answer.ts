import { randomUUID } from 'node:crypto';
import { messageText, type Message } from '../chat.ts';
import type { Config } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { countFound } from '../log/log-tally.ts';
import type { RedactText } from '../log/redact-message.ts';
import type { Redactor } from '../log/redact/index.ts';
import { newRequestId, requestTime } from '../log/request-id.ts';
import type { Source } from '../log/row.ts';
import { describeFirstVersion } from '../promote/first-version.ts';
import type { Champions } from './champions.ts';
import type { AnswerLog, RawAnswer } from './log-answer.ts';
import type { Answer } from './model.ts';
import { createPromptReader, type LoggedPrompt, type ReadPrompt } from './read-prompt.ts';
import { passRequest, type Passed, type PassRequest } from './pass.ts';
import type { Serving } from './serving.ts';
import type { Versions } from './versions.ts';

export interface AnswerRequest {
  model: string;
  messages: readonly Message[];
  /** Whoever asks, in the caller's words; only its hash leaves this process's memory. */
  user?: string | undefined;
  source: Source;
  /** The caller marks the request as worth keeping. */
  flagged?: boolean;
  /** A version that need not be champion; left out: the champion. */
  version?: string | undefined;
  /** Given by a step that may run twice; its time is the row's. Left out: a new one. */
  requestId?: string | undefined;
  signal?: AbortSignal;
}

export interface Answered {
  requestId: string;
  version: string;
  text: string;
  /** Natural log of the answer's probability, or null when the model gives none. */
  logprob: number | null;
  /** Time the model took; in a batch, the time of the whole batch. */
  latencyMs: number;
}

export interface Answerer {
  /** Throws `empty_prompt`, `model_not_found`, `model_not_ready`, `version_not_found` or what the upstream made of it. */
  answer(request: AnswerRequest): Promise<Answered>;
  /** Answers many requests to one model and version, which is called once. In order. */
  answerBatch(requests: readonly AnswerRequest[]): Promise<Answered[]>;
  /** Passes a client's request on when the champion is an endpoint; undefined when it is not. Throws as `answer` does. */
  pass(request: PassRequest): Promise<Passed | undefined>;
}

export interface AnswererOptions {
  champions: Pick<Champions, 'get'>;
  versions: Pick<Versions, 'use'>;
  config: Config;
  log: Pick<AnswerLog, 'add' | 'countFound'>;
  /** For what embedded models read. */
  redactor: Redactor;
  now?: () => number;
}

/**
 * The one request path: the gateway and the inference activity answer by it. Each text is redacted once: before an embedded
 * model reads it, for model and log alike; what goes to an endpoint is redacted by the log. A text that cannot be
 * redacted is answered and not logged. A second redactor is waited for only where an embedded model reads what it answers,
 * or with `log.durable`.
 */
export function createAnswerer(options: AnswererOptions): Answerer {
  const { champions, versions, config, log, now = Date.now } = options;
  const redactor = countFound(options.redactor, (found) => log.countFound(found));
  const redact: RedactText = (text) => options.redactor.redact(text).text;
  const readPrompt = createPromptReader(redactor, config.log.redaction.chain);

  /** `asker` decides between a champion and the challenger that is rolled out beside it; left out: the champion. */
  function choose(request: Pick<AnswerRequest, 'model' | 'version'>, asker?: string): Serving | undefined {
    const settings = Object.hasOwn(config.models, request.model) ? config.models[request.model] : undefined;
    if (settings === undefined) {
      const known = Object.keys(config.models).join(', ');
      throw new RelearnError('model_not_found', `No such model. Configured: ${known}.`);
    }
    const champion = champions.get(request.model, request.version === undefined ? asker : undefined);
    if (request.version !== undefined) return champion?.version === request.version ? champion : undefined;
    if (champion !== undefined) return champion;
    throw new RelearnError(
      'model_not_ready',
      `Model ${request.model} has no champion loaded: ${describeFirstVersion(request.model, settings.serve.kind)}`,
    );
  }

  async function answerBatch(requests: readonly AnswerRequest[]): Promise<Answered[]> {
    const [first] = requests;
    if (first === undefined) return [];
    for (const request of requests) {
      requirePrompt(request);
      if (request.model !== first.model || request.version !== first.version) {
        throw new RelearnError('invalid_request', 'Requests of one batch go to one model and version.');
      }
    }
    const serving = choose(
      first,
      requests.length === 1 && first.source === 'production' ? askerOf(first.user) : undefined,
    );
    if (serving !== undefined) return ask(serving, requests, first.signal);
    return versions.use(first.model, first.version ?? '', (named) => ask(named, requests, first.signal));
  }

  async function ask(
    serving: Serving,
    requests: readonly AnswerRequest[],
    signal: AbortSignal | undefined,
  ): Promise<Answered[]> {
    const at = new Date(now());
    const { incident, facts: served } = serving; // of the moment of the request: a switch may come before the answer
    let read: ReadPrompt[] | undefined;
    let start = 0;
    const answers = await serving.use(async (served) => {
      if (served.readsRedacted)
        read = await Promise.all(requests.map(async ({ messages }) => readPrompt(served, messages)));
      start = performance.now();
      return served.answer(
        requests.map(({ messages }, place) => read?.[place]?.messages ?? messages),
        signal,
      );
    });
    const latencyMs = performance.now() - start;
    const held: (Promise<void> | undefined)[] = [];
    const answered = requests.map((request, place) => {
      const answer = answers[place];
      if (answer === undefined) throw new Error(`${serving.version} gave fewer answers than it was asked for`);
      const { requestId = newRequestId(at), user, source, flagged = false } = request;
      const ts = request.requestId === undefined ? at : (requestTime(requestId) ?? at);
      const prompt = read === undefined ? { messages: request.messages } : (read[place]?.logged ?? null);
      const texts = textsToLog(prompt, answer, redactor.chain !== undefined);
      held.push(log.add({ served, requestId, ts, incident, user, source, flagged, latencyMs, ...texts }));
      return { requestId, version: serving.version, ...answer, latencyMs };
    });
    if (config.log.durable) await Promise.all(held.filter((write) => write !== undefined));
    return answered;
  }

  return {
    answerBatch,
    async answer(request) {
      const [answered] = await answerBatch([request]);
      if (answered === undefined) throw new Error('one request has one answer');
      return answered;
    },
    async pass(request) {
      const serving = choose(request, askerOf(request.user));
      return serving === undefined ? undefined : passRequest({ log, redact, now }, serving, request);
    },
  };
}

/** A user stays with the version that answered before; without a user each request is drawn anew. Probes ask the champion. */
function askerOf(user: string | undefined): string {
  return user === undefined || user === '' ? randomUUID() : user;
}

/** What an answer hands to the log; null: its prompt could not be redacted. */
function textsToLog(
  prompt: LoggedPrompt | { messages: readonly Message[] } | null,
  { text, logprob }: Answer,
  isChained: boolean,
): Pick<RawAnswer, 'messages' | 'completion' | 'redacted'> {
  const completionOf = (content: string) => ({ message: { role: 'assistant', content }, logprob, cutOff: false });
  if (prompt !== null && (!('redacted' in prompt) || !prompt.redacted)) {
    return { messages: prompt.messages, completion: completionOf(text), redacted: 'none' };
  }
  try {
    const completion = completionOf(prompt?.redactRest(text).text ?? '');
    return { messages: prompt?.messages ?? null, completion, redacted: isChained ? 'prompt' : 'all' };
  } catch {
    return { messages: null, completion: completionOf(''), redacted: 'none' }; // the error may quote the text
  }
}

export function requirePrompt({ messages }: Pick<AnswerRequest, 'messages'>): void {
  if (messages.some((message) => messageText(message).trim() !== '')) return;
  throw new RelearnError('empty_prompt', 'The prompt is empty. Send at least one message with text.');
}
