import { messageSchema, plainMessage, promptText, type Message } from '../chat.ts';
import { z } from 'zod';
import { hashUser, keyedFraction } from '../log/hash-user.ts';
import { countFound, createLogTally, type LogCounts, type LogTally } from '../log/log-tally.ts';
import type { Counted } from '../log/minutes.ts';
import { redactCutOff, redactMessage, type RedactText } from '../log/redact-message.ts';
import type { Redacted, Redactor } from '../log/redact/index.ts';
import type { LogRow, Source } from '../log/row.ts';
import { decideSampling } from '../log/sample.ts';
import type { LogWriter } from '../log/writer.ts';
import { readCompletion, type Completion } from './completion.ts';
import type { Serving } from './serving.ts';

/** An answered request as it was, on its way to the log. It stays in the memory of this process. */
export interface RawAnswer {
  model: string;
  version: string;
  /** Of the version that answered, as `Serving` has them. */
  lowConfidenceBelow: number;
  healthyRate: number;
  requestId: string;
  ts: Date;
  /** The open incident at the time of the request. */
  incident: string | null;
  user: string | undefined;
  source: Source;
  latencyMs: number;
  /** Messages, or the JSON of the request that holds them. Null: they could not be redacted. */
  messages: readonly Message[] | string | null;
  /** What was answered, or the JSON of the response. */
  completion: Completion | string;
  /** Messages and completion were redacted before the model read them. */
  redacted: boolean;
}

/** What a row says of the version that answered. */
export function servedBy({ model, version, lowConfidenceBelow, healthyRate }: Serving) {
  return { model, version, lowConfidenceBelow, healthyRate };
}

/** The log behind the answers. */
export interface AnswerLog {
  /**
   * Takes an answer at once and never throws. With `log.durable` the promise, which never rejects, resolves when the row
   * is on the disk; whoever answers waits for it.
   */
  add(answer: RawAnswer): Promise<void> | undefined;
  /** Counts what was found in texts before they came here. */
  countFound(found: Redacted['found']): void;
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
  redactor: Pick<Redactor, 'startRow'>;
  hashKey: string;
}

/** Makes rows of answers, in this thread: redacts, samples, hands on. What cannot be redacted is not logged. */
export function createAnswerLog({ writer, redactor: given, hashKey }: AnswerLogOptions): AnswerLog {
  const tally = createLogTally();
  const redactor = countFound(given, tally.countFound);

  function add(answer: RawAnswer): Promise<void> | undefined {
    try {
      const row = makeRow(answer);
      if (typeof row === 'string') return drop(answer, row);
      tally.countRow(row);
      return writer.push(row);
    } catch {
      return drop(answer, 'redaction_failed'); // the error may quote the text
    }
  }

  function drop(answer: RawAnswer, reason: string): undefined {
    writer.drop(reason, describe(answer, null));
  }

  /** What the row says whatever its texts are. */
  function describe(answer: RawAnswer, logprob: number | null): Counted & Pick<LogRow, 'inclusionProbability'> {
    const { requestId, ts, source, model, version: modelVersion, incident, lowConfidenceBelow, healthyRate } = answer;
    const { keptBecause, inclusionProbability } = decideSampling({
      ...{ source, logprob, incident, lowConfidenceBelow, healthyRate, flagged: false },
      // All or none need no draw.
      fraction: healthyRate > 0 && healthyRate < 1 ? keyedFraction(hashKey, requestId) : 0,
    });
    return { ts, source, model, modelVersion, keptBecause, inclusionProbability };
  }

  /** The row, or why there is none. Throws when a text cannot be redacted. */
  function makeRow(answer: RawAnswer): LogRow | 'redaction_failed' | 'unreadable' {
    if (answer.messages === null) return 'redaction_failed';
    const completion = typeof answer.completion === 'string' ? readCompletion(answer.completion) : answer.completion;
    const messages = typeof answer.messages === 'string' ? readMessages(answer.messages) : answer.messages;
    if (completion === undefined || messages === undefined) return 'unreadable';
    const redactOne = redactor.startRow();
    const redact: RedactText = answer.redacted ? (text) => text : (text) => redactOne(text).text;
    const { requestId, incident, user, latencyMs } = answer;
    return {
      ...describe(answer, completion.logprob),
      ...{ requestId, latencyMs, incident },
      prompt: promptText(answer.redacted ? messages : messages.map((message) => redactMessage(message, redact))),
      response: responseText(completion, redact),
      userIdHash: user === undefined || user === '' ? null : hashUser(hashKey, user),
      responseLogprob: completion.logprob,
    };
  }

  return {
    ...{ add, countFound: tally.countFound, tally: tally.read },
    flush: () => writer.flush(),
    close: () => writer.close(),
    counts: () => writer.counts(),
  };
}

function responseText({ message, cutOff }: Completion, redact: RedactText): string {
  const redacted = redactMessage(message, cutOff ? (text) => redactCutOff(text, redact) : redact);
  const { content, tool_calls: calls, function_call: call, refusal } = redacted;
  const isText = calls == null && call == null && refusal == null;
  if (isText && (typeof content === 'string' || content === null)) return content ?? '';
  return JSON.stringify(plainMessage(redacted));
}

const request = z.object({ messages: z.array(messageSchema).min(1) });

function readMessages(json: string): Message[] | undefined {
  return request.safeParse(JSON.parse(json)).data?.messages;
}
