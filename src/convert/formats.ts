import { isDeepStrictEqual } from 'node:util';
import { promptMessages, readAnswer, readTools, type Message, type OfferedTools } from '../chat.ts';
import { redactJson } from '../log/redact-message.ts';
import { redactMessages, redactTexts } from '../log/redact/index.ts';
import type { CorrectedRow } from './rows.ts';

/** A chat pair for supervised fine-tuning: OpenAI's and TRL's `messages`, the last turn the assistant's, and `tools`. */
export interface ChatPair extends OfferedTools {
  messages: Message[];
}

/** A preference in OpenAI's format for direct preference optimisation. */
export interface OpenAiPreference {
  input: OfferedTools & { messages: Message[] };
  preferred_output: Message[];
  non_preferred_output: Message[];
}

/** A preference in TRL's conversational format. */
export interface TrlPreference extends OfferedTools {
  prompt: Message[];
  chosen: Message[];
  rejected: Message[];
}

/** What a corrected row says. */
export interface Lesson {
  asked: Message[];
  /** What the model could call; empty for nothing. */
  offered: OfferedTools;
  /** What the model should have said. */
  right: Message;
  /** What it said; null when that was right. */
  wrong: Message | null;
  /** True when the redaction found something that the log still had. */
  redactedAgain: boolean;
}

/** Redacts once more on the way out: a row may be older than the redactor. */
export function readLesson({ prompt, completion, response, tools }: CorrectedRow): Lesson {
  const question = redactMessages(promptMessages(prompt));
  const right = redactMessages([readAnswer(completion)]);
  const wrong = redactMessages([readAnswer(response)]);
  const offered = redactTexts((redact) => redactJson(JSON.parse(tools ?? '{}'), redact));
  const wasRight = completion.trim() === response.trim() || isDeepStrictEqual(right.messages, wrong.messages);
  const found = [question, right, wrong, offered].flatMap((redacted) => Object.values(redacted.found));
  return {
    asked: question.messages,
    offered: readTools(offered.result) ?? {},
    right: lastOf(right.messages),
    wrong: wasRight ? null : lastOf(wrong.messages),
    redactedAgain: found.some((count) => count > 0),
  };
}

function lastOf(messages: readonly Message[]): Message {
  return messages.at(-1) ?? { role: 'assistant', content: '' };
}

export function toChatPair({ asked, offered, right }: Lesson): ChatPair {
  return { messages: [...asked, right], ...offered };
}

/** Null when the model was right: there is nothing to prefer. */
export function toOpenAiPreference({ asked, offered, right, wrong }: Lesson): OpenAiPreference | null {
  if (wrong === null) return null;
  return { input: { messages: asked, ...offered }, preferred_output: [right], non_preferred_output: [wrong] };
}

/** Null when the model was right. */
export function toTrlPreference({ asked, offered, right, wrong }: Lesson): TrlPreference | null {
  if (wrong === null) return null;
  return { prompt: asked, chosen: [right], rejected: [wrong], ...offered };
}
