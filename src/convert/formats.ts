import { promptMessages, readAnswer, type Message } from '../chat.ts';
import { redactMessages } from '../log/redact/index.ts';
import type { CorrectedRow } from './rows.ts';

/** A chat pair for supervised fine-tuning: OpenAI's and TRL's `messages`, the last turn the assistant's. */
export interface ChatPair {
  messages: Message[];
}

/** A preference in OpenAI's format for direct preference optimisation. */
export interface OpenAiPreference {
  input: { messages: Message[] };
  preferred_output: Message[];
  non_preferred_output: Message[];
}

/** A preference in TRL's conversational format. */
export interface TrlPreference {
  prompt: Message[];
  chosen: Message[];
  rejected: Message[];
}

/** What a corrected row says. */
export interface Lesson {
  asked: Message[];
  /** What the model should have said. */
  right: Message;
  /** What it said; null when that was right. */
  wrong: Message | null;
  /** True when the redaction found something that the log still had. */
  redactedAgain: boolean;
}

/** Redacts once more on the way out: a row may be older than the redactor. */
export function readLesson({ prompt, completion, response }: CorrectedRow): Lesson {
  const question = redactMessages(promptMessages(prompt));
  const right = redactMessages([readAnswer(completion)]);
  const wrong = redactMessages([readAnswer(response)]);
  const wasRight = completion.trim() === response.trim();
  const found = [question, right, wrong].flatMap((redacted) => Object.values(redacted.found));
  return {
    asked: question.messages,
    right: lastOf(right.messages),
    wrong: wasRight ? null : lastOf(wrong.messages),
    redactedAgain: found.some((count) => count > 0),
  };
}

function lastOf(messages: readonly Message[]): Message {
  return messages.at(-1) ?? { role: 'assistant', content: '' };
}

export function toChatPair({ asked, right }: Lesson): ChatPair {
  return { messages: [...asked, right] };
}

/** Null when the model was right: there is nothing to prefer. */
export function toOpenAiPreference({ asked, right, wrong }: Lesson): OpenAiPreference | null {
  if (wrong === null) return null;
  return { input: { messages: asked }, preferred_output: [right], non_preferred_output: [wrong] };
}

/** Null when the model was right. */
export function toTrlPreference({ asked, right, wrong }: Lesson): TrlPreference | null {
  if (wrong === null) return null;
  return { prompt: asked, chosen: [right], rejected: [wrong] };
}
