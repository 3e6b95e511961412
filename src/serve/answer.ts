import { randomUUID } from 'node:crypto';
import { messageText, type Message } from '../chat.ts';
import type { Config } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { newRequestId, requestTime } from '../log/request-id.ts';
import type { Source } from '../log/row.ts';
import { openAfterAnswers } from './after-answers.ts';
import type { Champions } from './champions.ts';
import { createAnswerLog, type AnswerFacts, type AnswerLogOptions, type AnswerTexts } from './log-answer.ts';
import { passRequest, readMessages, type Passed, type PassedTexts, type PassRequest } from './pass.ts';
import type { Answer } from './model.ts';
import type { Serving } from './serving.ts';
import type { Versions } from './versions.ts';

export interface AnswerRequest {
  model: string;
  messages: readonly Message[];
  /** Whoever asks, in the caller's words; only its hash leaves this process's memory. */
  user?: string | undefined;
  source: Source;
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
  /** Resolves when every answer given so far is with the log's writer. */
  settle(): Promise<void>;
}

export interface AnswererOptions extends AnswerLogOptions {
  champions: Pick<Champions, 'get'>;
  versions: Pick<Versions, 'use'>;
  config: Config;
  now?: () => number;
}

/**
 * The one request path: the gateway and the inference activity answer by it. Each text is redacted once, for an embedded
 * model and the log alike; what goes to an endpoint is redacted after its answer, between other requests. A text that
 * cannot be redacted is answered and not logged.
 */
export function createAnswerer(options: AnswererOptions): Answerer {
  const { champions, versions, config, redact, now = Date.now } = options;
  const answerLog = createAnswerLog(options);
  const after = openAfterAnswers();
  const done = Promise.resolve();

  /** `asker` decides between a champion and the challenger that is rolled out beside it; left out: the champion. */
  function choose(request: Pick<AnswerRequest, 'model' | 'version'>, asker?: string): Serving | undefined {
    if (!Object.hasOwn(config.models, request.model)) {
      const known = Object.keys(config.models).join(', ');
      throw new RelearnError('model_not_found', `No such model. Configured: ${known}.`);
    }
    const champion = champions.get(request.model, request.version === undefined ? asker : undefined);
    if (request.version !== undefined) return champion?.version === request.version ? champion : undefined;
    if (champion !== undefined) return champion;
    throw new RelearnError(
      'model_not_ready',
      `Model ${request.model} has no champion loaded. Deploy one: relearn train --model ${request.model} --deploy`,
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
    const serving = choose(first, requests.length === 1 ? askerOf(first) : undefined);
    if (serving !== undefined) return ask(serving, requests, first.signal);
    return versions.use(first.model, first.version ?? '', (named) => ask(named, requests, first.signal));
  }

  async function ask(
    serving: Serving,
    requests: readonly AnswerRequest[],
    signal: AbortSignal | undefined,
  ): Promise<Answered[]> {
    const at = new Date(now());
    const { incident } = serving; // of the moment of the request: a switch may come before the answer
    let redacted: (Message[] | null)[] | undefined;
    let start = 0;
    const answers = await serving.use((served) => {
      if (served.readsRedacted) redacted = requests.map(({ messages }) => answerLog.redactOrNull(messages));
      start = performance.now();
      return served.answer(
        requests.map(({ messages }, place) => redacted?.[place] ?? messages),
        signal,
      );
    });
    const latencyMs = performance.now() - start;
    const held: (Promise<void> | undefined)[] = [];
    const answered = requests.map((request, place) => {
      const answer = answers[place];
      if (answer === undefined) throw new Error(`${serving.version} gave fewer answers than it was asked for`);
      const { requestId = newRequestId(at) } = request;
      const ts = request.requestId === undefined ? at : (requestTime(requestId) ?? at);
      const facts = { serving, requestId, ts, incident, user: request.user, source: request.source, latencyMs };
      held.push(
        redacted === undefined ? logLater(facts, request, answer) : logEmbedded(facts, redacted[place] ?? null, answer),
      );
      return { requestId, version: serving.version, ...answer, latencyMs };
    });
    if (config.log.durable) await Promise.all(held.filter((write) => write !== undefined));
    return answered;
  }

  /** At once: the prompt is redacted already, and the answer is a label. */
  function logEmbedded(
    facts: AnswerFacts,
    prompt: Message[] | null,
    { text, logprob }: Answer,
  ): Promise<void> | undefined {
    const response = answerLog.redactOrNull([{ role: 'assistant', content: text }])?.[0];
    if (prompt !== null && response !== undefined) return answerLog.push(facts, prompt, messageText(response), logprob);
    answerLog.drop(facts, 'redaction_failed');
    return undefined;
  }

  /** Logs between other requests. Resolves at once, or with `log.durable` when the row is safe. */
  function addSteps(facts: AnswerFacts, texts: AnswerTexts, size: number): Promise<void> {
    if (!config.log.durable) {
      after.add(answerLog.log(facts, texts), size);
      return done;
    }
    return new Promise((resolve) => {
      const pushed = (write?: Promise<void>) => void (write ?? done).then(resolve);
      after.add(answerLog.log(facts, texts, pushed), size);
    });
  }

  function logLater(facts: AnswerFacts, { messages }: AnswerRequest, { text, logprob }: Answer): Promise<void> {
    const completion = { message: { role: 'assistant', content: text }, logprob, cutOff: false };
    return addSteps(facts, { messages: () => messages, completion: () => completion }, text.length);
  }

  const passOptions = {
    now,
    redact: (text: string) => redact(text).text,
    log: (facts: AnswerFacts, { messages, completion, size }: PassedTexts) =>
      addSteps(facts, { messages: () => readMessages(messages), completion }, size),
  };

  return {
    answerBatch,
    async answer(request) {
      const [answered] = await answerBatch([request]);
      if (answered === undefined) throw new Error('one request has one answer');
      return answered;
    },
    async pass(request) {
      const serving = choose(request, askerOf({ ...request, source: 'production' }));
      return serving === undefined ? undefined : passRequest(passOptions, serving, request);
    },
    settle: () => after.settle(),
  };
}

/** A user stays with the version that answered before; without a user each request is drawn anew. Probes ask the champion. */
function askerOf({ user, source }: Pick<AnswerRequest, 'user' | 'source'>): string | undefined {
  if (source !== 'production') return undefined;
  return user === undefined || user === '' ? randomUUID() : user;
}

function requirePrompt({ messages }: AnswerRequest): void {
  if (messages.some((message) => messageText(message).trim() !== '')) return;
  throw new RelearnError('empty_prompt', 'The prompt is empty. Send at least one message with text.');
}
