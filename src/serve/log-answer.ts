import { plainMessage, promptText, type Message } from '../chat.ts';
import { hashUser, keyedFraction } from '../log/hash-user.ts';
import { redactCutOff, redactMessage, type RedactText } from '../log/redact-message.ts';
import { redactRow, type Redactor } from '../log/redact/index.ts';
import type { Counted } from '../log/minutes.ts';
import type { LogRow, Source } from '../log/row.ts';
import { decideSampling } from '../log/sample.ts';
import type { LogWriter } from '../log/writer.ts';
import type { Steps } from './after-answers.ts';
import type { Completion } from './completion.ts';
import type { Serving } from './serving.ts';

export interface AnswerLogOptions {
  writer: Pick<LogWriter, 'push' | 'drop'>;
  /** As configured. Throws when it cannot redact. */
  redactor: Redactor;
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

/** A prompt on its way to the log. */
export interface LoggedPrompt {
  messages: readonly Message[];
  /** As the log keeps it; or else it is redacted when the row is made. */
  redacted: boolean;
  /** Redacts what is left: prompt and answer of a row share their numbers. */
  redactRest: Redactor['redact'];
}

/** Redacts and samples answered requests, and hands their rows to the writer. What cannot be redacted is not logged. */
export function createAnswerLog({ writer, redactor, hashKey }: AnswerLogOptions) {
  const { chain } = redactor;
  /** Rows that the second redactor is asked about. */
  const asking = new Set<Promise<void>>();

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

  /** Redacts one text a step, or all when a second redactor is asked. `pushed` gets what the writer answered. */
  function* log(facts: AnswerFacts, texts: AnswerTexts, pushed: (write?: Promise<void>) => void = () => {}): Steps {
    try {
      const completion = texts.completion();
      const messages = texts.messages();
      if (completion === undefined || messages === undefined) {
        drop(facts, 'unreadable');
        pushed();
        return;
      }
      const redactOne = redactor.startRow();
      if (chain !== undefined) {
        pushed(pushChained(facts, { messages, redactRest: redactOne, redacted: false }, completion));
        return;
      }
      const redact: RedactText = (text) => redactOne(text).text;
      const prompt: Message[] = [];
      for (const message of messages) {
        yield;
        prompt.push(redactMessage(message, redact));
      }
      yield;
      pushed(push(facts, prompt, responseText(completion, redact), completion.logprob));
    } catch {
      drop(facts, 'redaction_failed'); // the error may quote the text
      pushed();
    }
  }

  /** Logs an answer to a prompt that was redacted before. Null: it could not be. */
  function logAnswer(
    facts: AnswerFacts,
    prompt: LoggedPrompt | null,
    completion: Completion,
  ): Promise<void> | undefined {
    try {
      if (prompt === null) throw new Error('the prompt was not redacted');
      if (chain !== undefined) return pushChained(facts, prompt, completion);
      const response = responseText(completion, (text) => prompt.redactRest(text).text);
      return push(facts, prompt.messages, response, completion.logprob);
    } catch {
      drop(facts, 'redaction_failed');
      return undefined;
    }
  }

  /** Asks the second redactor for what it has not seen. Resolves when the row is with the writer, or dropped. */
  function pushChained(facts: AnswerFacts, prompt: LoggedPrompt, completion: Completion): Promise<void> {
    const { messages, redacted, redactRest } = prompt;
    const made: Promise<void> = redactRow({ startRow: () => redactRest, chain }, (redact) => ({
      messages: redacted ? messages : messages.map((message) => redactMessage(message, redact)),
      response: responseText(completion, redact),
    }))
      .then((row) => push(facts, row.messages, row.response, completion.logprob))
      .catch(() => drop(facts, 'redaction_failed')) // the error may quote the text
      .finally(() => asking.delete(made));
    asking.add(made);
    return made;
  }

  return {
    log,
    logAnswer,
    /** Resolves when the second redactor has answered for every row so far. */
    async settle() {
      await Promise.all(asking);
    },
  };
}

function responseText({ message, cutOff }: Completion, redact: RedactText): string {
  const redacted = redactMessage(message, cutOff ? (text) => redactCutOff(text, redact) : redact);
  const { content, tool_calls: calls, function_call: call, refusal } = redacted;
  if (calls == null && call == null && refusal == null && typeof content === 'string') return content;
  return content === null && calls == null && call == null && refusal == null
    ? ''
    : JSON.stringify(plainMessage(redacted));
}
