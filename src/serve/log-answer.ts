import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageSchema, plainMessage, promptText, readTools, type Message, type OfferedTools } from '../chat.ts';
import { hashUser, keyedFraction } from '../log/hash-user.ts';
import { countFound, createLogTally, type LogCounts, type LogTally } from '../log/log-tally.ts';
import type { Counted } from '../log/minutes.ts';
import { redactCutOff, redactMessage, type RedactText } from '../log/redact-message.ts';
import { createToolsRedactor } from '../log/redact-tools.ts';
import { redactRow, type Redacted, type Redactor } from '../log/redact/index.ts';
import { laneOf } from '../log/queue.ts';
import type { KeptBecause, LogRow, Source } from '../log/row.ts';
import { decideSampling } from '../log/sample.ts';
import type { LogWriter } from '../log/writer.ts';
import { readCompletion, type Completion } from './completion.ts';
import type { ServedFacts } from './serving.ts';

/** An answered request as it was, on its way to the log. It stays in the memory of this process. */
export interface RawAnswer {
  /** The version that answered. */
  served: ServedFacts;
  requestId: string;
  ts: Date;
  /** The open incident at the time of the request. */
  incident: string | null;
  user: string | undefined;
  source: Source;
  /** The caller marked the request as worth keeping. */
  flagged: boolean;
  latencyMs: number;
  /** Messages, or the JSON of the request that holds them. Null: they could not be redacted. */
  messages: readonly Message[] | string | null;
  /** What was answered, or the JSON of the response. */
  completion: Completion | string;
  /** What was redacted before it came here; `prompt`: and the completion, but not by the second redactor. */
  redacted: 'none' | 'prompt' | 'all';
}

/** The log behind the answers. */
export interface AnswerLog {
  /**
   * Takes an answer at once and never throws. With `log.durable` the promise, which never rejects, resolves when the row
   * is on the disk; whoever answers waits for it.
   */
  add(answer: RawAnswer): Promise<void> | undefined;
  /** Counts what was found in texts before they came here. */
  countFound: (found: Redacted['found']) => void;
  /** Resolves when every answer taken so far is stored or counted as dropped, however long the database is away. */
  flush(): Promise<void>;
  /** Stores what is left, or else spools it, within ten seconds. */
  close(): Promise<void>;
  counts(): LogCounts;
  /** What was redacted and sampled since the start. */
  tally(): LogTally;
}

export interface AnswerLogOptions {
  writer: Pick<LogWriter, 'push' | 'drop' | 'flush' | 'close' | 'counts'>;
  /** As configured. Throws when it cannot redact. */
  redactor: Redactor;
  hashKey: string;
  /** `add` answers with a promise. */
  durable?: boolean;
}

type Described = Counted & Pick<LogRow, 'responseLogprob' | 'inclusionProbability'>;

interface Asked {
  prompt: readonly Message[];
  tools: OfferedTools | null;
}

interface Texts {
  prompt: readonly Message[];
  response: string;
}

const closeMs = 10_000;
const mostHashes = 10_000;

/** Makes rows of answers, in this thread: redacts, samples, hands on. What cannot be redacted is not logged. */
export function createAnswerLog({ writer, hashKey, durable = false, ...options }: AnswerLogOptions): AnswerLog {
  const tally = createLogTally();
  const redactor = countFound(options.redactor, tally.countFound);
  const toolsRedactor = createToolsRedactor(redactor);
  /** Of users who asked lately: most ask more than once. */
  const hashes = new Map<string, string>();
  /** Rows that the second redactor is asked about. */
  const asking = new Set<Promise<void>>();

  function add(answer: RawAnswer): Promise<void> | undefined {
    const completion = completionOf(answer);
    const row = describe(answer, completion?.logprob ?? null);
    try {
      const { messages, redacted } = answer;
      if (messages === null) return drop('redaction_failed', row);
      const asked = typeof messages === 'string' ? readRequest(messages) : { prompt: messages, tools: null };
      if (completion === undefined || asked === undefined) return drop('unreadable', row);
      const { prompt, tools } = asked;
      const rewrite = (redact: RedactText): Texts => ({
        prompt: redacted === 'none' ? prompt.map((message) => redactMessage(message, redact)) : prompt,
        response: responseText(completion, redact),
      });
      if (redacted === 'all') return push(answer, row, rewrite((text) => text), null); // prettier-ignore
      if (redactor.chain !== undefined) {
        const turn = laneOf(row) === 'kept' ? 'kept' : 'healthy';
        const offered = tools === null ? null : toolsRedactor.redactChained(tools, { turn });
        return pushLater(answer, row, Promise.all([redactRow(redactor, rewrite, { turn }), offered]));
      }
      const redact = redactor.startRow();
      const offered = tools === null ? null : toolsRedactor.redact(tools);
      return push(answer, row, rewrite((text) => redact(text).text), offered); // prettier-ignore
    } catch {
      return drop('redaction_failed', row); // the error may quote the text
    }
  }

  function pushLater(
    answer: RawAnswer,
    row: Described,
    redacting: Promise<[texts: Texts, tools: string | null]>,
  ): Promise<void> | undefined {
    const made: Promise<void> = redacting
      .then(([texts, tools]) => push(answer, row, texts, tools))
      .catch(() => drop('redaction_failed', row))
      .finally(() => asking.delete(made));
    asking.add(made);
    return durable ? made : undefined;
  }

  /** Takes redacted texts. Answers what the writer does. */
  function push(
    answer: RawAnswer,
    described: Described,
    { prompt, response }: Texts,
    tools: string | null,
  ): Promise<void> | undefined {
    const { requestId, incident, latencyMs } = answer;
    const { ts, source, model, modelVersion, responseLogprob, keptBecause, inclusionProbability } = described;
    // Written out: spread into one another, these objects cost more than the sampling.
    const row: LogRow = {
      requestId,
      ts,
      model,
      modelVersion,
      prompt: promptText(prompt),
      response,
      tools,
      latencyMs,
      userIdHash: hashOf(answer.user),
      responseLogprob,
      source,
      keptBecause,
      inclusionProbability,
      incident,
    };
    tally.countRow(row);
    return writer.push(row);
  }

  function hashOf(user: string | undefined): string | null {
    if (user === undefined || user === '') return null;
    let hash = hashes.get(user);
    if (hash === undefined) {
      if (hashes.size >= mostHashes) hashes.clear();
      hashes.set(user, (hash = hashUser(hashKey, user)));
    }
    return hash;
  }

  function drop(reason: string, row: Described): undefined {
    writer.drop(reason, row);
  }

  /** What the row says whatever its texts are. */
  function describe(answer: RawAnswer, logprob: number | null): Described {
    const { requestId, ts, source, incident, served, flagged } = answer;
    const { model, version: modelVersion, lowConfidenceBelow, healthyRate } = served;
    // All or none need no draw.
    const fraction = healthyRate > 0 && healthyRate < 1 ? keyedFraction(hashKey, requestId) : 0;
    const { keptBecause, inclusionProbability } = decideSampling({
      source,
      logprob,
      incident,
      lowConfidenceBelow,
      healthyRate,
      flagged,
      fraction,
    });
    return { ts, source, model, modelVersion, responseLogprob: logprob, keptBecause, inclusionProbability };
  }

  function counts(): LogCounts {
    const written = writer.counts();
    return { ...written, queued: written.queued + asking.size };
  }

  return {
    ...{ add, counts, countFound: tally.countFound, tally: tally.read },
    async flush() {
      await Promise.all(asking);
      await writer.flush();
    },
    async close() {
      const late = new AbortController();
      const timeUp = sleep(closeMs, undefined, { signal: late.signal }).catch(() => undefined);
      await Promise.race([Promise.all(asking), timeUp]);
      late.abort();
      await writer.close();
    },
  };
}

/** Undefined: the answer is none. */
function completionOf({ completion }: RawAnswer): Completion | undefined {
  return typeof completion === 'string' ? readCompletion(completion) : completion;
}

/** Why an answer is kept for good, whatever the draw says; null when it is a healthy one. */
export function reasonToKeep(answer: RawAnswer): KeptBecause | null {
  const { served, source, incident, flagged } = answer;
  const { lowConfidenceBelow } = served;
  const logprob = completionOf(answer)?.logprob ?? null;
  const sampling = { source, logprob, incident, lowConfidenceBelow, flagged };
  return decideSampling({ ...sampling, healthyRate: 0, fraction: 0 }).keptBecause;
}

function responseText({ message, cutOff }: Completion, redact: RedactText): string {
  const redacted = redactMessage(message, cutOff ? (text) => redactCutOff(text, redact) : redact);
  const { content, tool_calls: calls, function_call: call, refusal } = redacted;
  const isText = calls == null && call == null && refusal == null;
  if (isText && (typeof content === 'string' || content === null)) return content ?? '';
  return JSON.stringify(plainMessage(redacted));
}

const messagesSchema = z.array(messageSchema).min(1);

function readRequest(json: string): Asked | undefined {
  const request: unknown = JSON.parse(json);
  if (typeof request !== 'object' || request === null || !('messages' in request)) return undefined;
  const prompt = messagesSchema.safeParse(request.messages).data;
  return prompt && { prompt, tools: readTools(request) };
}
