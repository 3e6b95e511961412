import { promptText, type Message } from '../chat.ts';
import type { Config } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { hashUser, keyedFraction } from '../log/hash-user.ts';
import { newRequestId, requestTime } from '../log/request-id.ts';
import type { LogRow, Source } from '../log/row.ts';
import { decideSampling } from '../log/sample.ts';
import type { LogWriter } from '../log/writer.ts';
import type { Champions } from './champions.ts';
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
}

export interface AnswererOptions {
  champions: Pick<Champions, 'get'>;
  versions: Pick<Versions, 'use'>;
  config: Config;
  writer: Pick<LogWriter, 'push' | 'drop'>;
  /** Throws when it cannot redact. */
  redact: (text: string) => { text: string };
  hashKey: string;
  now?: () => number;
}

/**
 * The one request path: the gateway and the inference activity answer by it. Each text is redacted once, for model and
 * log alike, and the row is handed to the writer after the answer. A text that cannot be redacted is answered and not
 * logged.
 */
export function createAnswerer(options: AnswererOptions): Answerer {
  const { champions, versions, config, writer, redact, hashKey, now = Date.now } = options;

  function choose(request: AnswerRequest): Serving | undefined {
    if (!Object.hasOwn(config.models, request.model)) {
      const known = Object.keys(config.models).join(', ');
      throw new RelearnError('model_not_found', `No such model. Configured: ${known}.`);
    }
    const champion = champions.get(request.model);
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
    const serving = choose(first);
    if (serving !== undefined) return ask(serving, requests, first.signal);
    return versions.use(first.model, first.version ?? '', (named) => ask(named, requests, first.signal));
  }

  async function ask(
    serving: Serving,
    requests: readonly AnswerRequest[],
    signal: AbortSignal | undefined,
  ): Promise<Answered[]> {
    const redacted = requests.map((request) => redactOrNull(request.messages));
    const at = new Date(now());
    const { incident } = serving; // of the moment of the request: a switch may come before the answer
    const start = performance.now();
    const answers = await serving.use((served) =>
      served.answer(
        served.readsRedacted
          ? requests.map((request, place) => redacted[place] ?? request.messages)
          : requests.map((request) => request.messages),
        signal,
      ),
    );
    const latencyMs = performance.now() - start;
    const held: (Promise<void> | undefined)[] = [];
    const answered = requests.map((request, place) => {
      const answer = answers[place];
      if (answer === undefined) throw new Error(`${serving.version} gave fewer answers than it was asked for`);
      const { requestId = newRequestId(at) } = request;
      const one = { requestId, version: serving.version, ...answer, latencyMs };
      const ts = request.requestId === undefined ? at : (requestTime(requestId) ?? at);
      held.push(log(serving, request, redacted[place] ?? null, one, { ts, incident }));
      return one;
    });
    if (config.log.durable) await Promise.all(held.filter((write) => write !== undefined));
    return answered;
  }

  function redactOrNull(messages: readonly Message[]): Message[] | null {
    try {
      return messages.map(({ role, content }) => ({ role, content: redact(content).text }));
    } catch {
      return null; // the error may quote the text
    }
  }

  function log(
    serving: Serving,
    request: AnswerRequest,
    prompt: Message[] | null,
    answered: Answered,
    { ts, incident }: Pick<LogRow, 'ts' | 'incident'>,
  ): Promise<void> | undefined {
    const response = redactOrNull([{ role: 'assistant', content: answered.text }])?.[0]?.content;
    const { model, source } = request;
    const { keptBecause, inclusionProbability } = decideSampling({
      source,
      logprob: answered.logprob,
      lowConfidenceBelow: serving.lowConfidenceBelow,
      flagged: false,
      incident,
      healthyRate: serving.healthyRate,
      fraction: keyedFraction(hashKey, answered.requestId),
    });
    const facts = { ts, model, modelVersion: answered.version, source, keptBecause };
    if (prompt === null || response === undefined) {
      writer.drop('redaction_failed', facts);
      return undefined;
    }
    return writer.push({
      ...facts,
      requestId: answered.requestId,
      prompt: promptText(prompt),
      response,
      latencyMs: answered.latencyMs,
      userIdHash: request.user === undefined || request.user === '' ? null : hashUser(hashKey, request.user),
      responseLogprob: answered.logprob,
      inclusionProbability,
      incident,
    });
  }

  return {
    answerBatch,
    async answer(request) {
      const [answered] = await answerBatch([request]);
      if (answered === undefined) throw new Error('one request has one answer');
      return answered;
    },
  };
}

function requirePrompt({ messages }: AnswerRequest): void {
  if (messages.some(({ content }) => content.trim() !== '')) return;
  throw new RelearnError('empty_prompt', 'The prompt is empty. Send at least one message with text.');
}
