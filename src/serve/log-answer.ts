import { plainMessage, promptText, type Message } from '../chat.ts';
import { hashUser, keyedFraction } from '../log/hash-user.ts';
import { redactCutOff, redactMessage, type RedactText } from '../log/redact-message.ts';
import type { Counted } from '../log/minutes.ts';
import type { LogRow, Source } from '../log/row.ts';
import { decideSampling } from '../log/sample.ts';
import type { LogWriter } from '../log/writer.ts';
import type { Steps } from './after-answers.ts';
import type { Completion } from './completion.ts';
import type { Serving } from './serving.ts';

export interface AnswerLogOptions {
  writer: Pick<LogWriter, 'push' | 'drop'>;
  /** Throws when it cannot redact. */
  redact: (text: string) => { text: string };
  hashKey: string;
}

/** What is known of an answer beside its texts. */
export interface AnswerFacts {
  serving: Pick<Serving, 'model' | 'version' | 'lowConfidenceBelow' | 'healthyRate'>;
  requestId: string;
  ts: Date;
  /** The open incident at the time of the request. */
  incident: string | null;
  user: string | undefined;
  source: Source;
  latencyMs: number;
}

/** The texts of an answer, read only when the row is made: undefined when they cannot be read. */
export interface AnswerTexts {
  messages: () => readonly Message[] | undefined;
  completion: () => Completion | undefined;
}

/** Redacts and samples answered requests, and hands their rows to the writer. What cannot be redacted is not logged. */
export function createAnswerLog({ writer, redact, hashKey }: AnswerLogOptions) {
  const redactPlain: RedactText = (text) => redact(text).text;

  /** What the row says whatever its texts are. */
  function describe(facts: AnswerFacts, logprob: number | null): Counted & Pick<LogRow, 'inclusionProbability'> {
    const { serving, requestId, ts, incident, source } = facts;
    const { keptBecause, inclusionProbability } = decideSampling({
      ...{ source, logprob, incident, flagged: false },
      lowConfidenceBelow: serving.lowConfidenceBelow,
      healthyRate: serving.healthyRate,
      fraction: keyedFraction(hashKey, requestId),
    });
    return { ts, source, keptBecause, inclusionProbability, model: serving.model, modelVersion: serving.version };
  }

  /** Takes texts that are redacted. Answers what the writer does. */
  function push(
    facts: AnswerFacts,
    prompt: readonly Message[],
    response: string,
    logprob: number | null,
  ): Promise<void> | undefined {
    const { requestId, incident, user, latencyMs } = facts;
    return writer.push({
      ...describe(facts, logprob),
      ...{ requestId, latencyMs, incident, response },
      prompt: promptText(prompt),
      userIdHash: user === undefined || user === '' ? null : hashUser(hashKey, user),
      responseLogprob: logprob,
    });
  }

  function drop(facts: AnswerFacts, reason: string): void {
    writer.drop(reason, describe(facts, null));
  }

  /** Redacts one text a step. `pushed` gets what the writer answered. */
  function* log(facts: AnswerFacts, texts: AnswerTexts, pushed: (write?: Promise<void>) => void = () => {}): Steps {
    try {
      const completion = texts.completion();
      const messages = texts.messages();
      if (completion === undefined || messages === undefined) {
        drop(facts, 'unreadable');
        pushed();
        return;
      }
      const prompt: Message[] = [];
      for (const message of messages) {
        yield;
        prompt.push(redactMessage(message, redactPlain));
      }
      yield;
      pushed(push(facts, prompt, responseText(completion), completion.logprob));
    } catch {
      drop(facts, 'redaction_failed'); // the error may quote the text
      pushed();
    }
  }

  function responseText({ message, cutOff }: Completion): string {
    const redacted = redactMessage(message, cutOff ? (text) => redactCutOff(text, redactPlain) : redactPlain);
    const { content, tool_calls: calls, function_call: call, refusal } = redacted;
    if (calls == null && call == null && refusal == null && typeof content === 'string') return content;
    return content === null && calls == null && call == null && refusal == null
      ? ''
      : JSON.stringify(plainMessage(redacted));
  }

  function redactOrNull(messages: readonly Message[]): Message[] | null {
    try {
      return messages.map((message) => redactMessage(message, redactPlain));
    } catch {
      return null; // the error may quote the text
    }
  }

  return { log, push, drop, redactOrNull };
}
