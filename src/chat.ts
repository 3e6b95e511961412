import { z } from 'zod';

/** A piece of a message, such as `{"type":"text","text":"…"}`. What else it holds depends on its type. */
const partSchema = z.looseObject({ type: z.string() });
export type Part = z.output<typeof partSchema>;

/** One turn of a conversation, as in OpenAI's chat API. */
export interface Message {
  role: string;
  content: string | readonly Part[] | null;
  name?: string | null | undefined;
  refusal?: string | null | undefined;
  tool_calls?: readonly unknown[] | null | undefined;
  tool_call_id?: string | null | undefined;
  /** The older form of `tool_calls`. */
  function_call?: unknown;
}

export const messageSchema = z.object({
  role: z.string(),
  content: z
    .union([z.string(), z.array(partSchema)])
    .nullish()
    .transform((content) => content ?? null),
  name: z.string().nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
  tool_call_id: z.string().nullish(),
  function_call: z.unknown().optional(),
});

const listed = z.array(z.unknown()).min(1).optional().catch(undefined);
const offeredTools = z.object({
  tools: listed,
  /** The older form of `tools`. */
  functions: listed,
  parallel_tool_calls: z.boolean().optional().catch(undefined),
});
/** What a request offers the model to call, in the fields and the form of OpenAI's chat API. */
export type OfferedTools = z.output<typeof offeredTools>;

/** Of a request what it offers the model to call; null when that is nothing. What is not of the right form is left out. */
export function readTools(request: unknown): OfferedTools | null {
  if (typeof request !== 'object' || request === null || !('tools' in request || 'functions' in request)) return null;
  const offered = offeredTools.parse(request);
  return offered.tools === undefined && offered.functions === undefined ? null : offered;
}

const conversation = z.array(messageSchema).min(1);

/** Fields beside role and content, in the order they are written in. */
const extraFields = ['name', 'refusal', 'tool_calls', 'tool_call_id', 'function_call'] as const;

/** The message with what it holds and nothing else, its fields in a fixed order. */
export function plainMessage(message: Message): Message {
  const { role, content } = message;
  const plain: Message = { role, content };
  for (const field of extraFields) if (message[field] != null) Object.assign(plain, { [field]: message[field] });
  return plain;
}

/** What a message says: its text, or its text parts joined. Tool calls and pictures say nothing. */
export function messageText({ content }: Message): string {
  if (typeof content === 'string' || content === null) return content ?? '';
  return content.map(({ text }) => (typeof text === 'string' ? text : '')).join('');
}

/**
 * A conversation as one string, the form the log keeps: a single user message of text is its text, anything else is
 * its messages as JSON.
 */
export function promptText(messages: readonly Message[]): string {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined && only.role === 'user' && typeof only.content === 'string') {
    if (extraFields.every((field) => only[field] == null)) return only.content;
  }
  return JSON.stringify(messages.map(plainMessage));
}

/** Restores what `promptText` wrote. Text that only looks like JSON stays one user message. */
export function promptMessages(text: string): Message[] {
  if (text.startsWith('[{')) {
    try {
      const parsed = conversation.safeParse(JSON.parse(text));
      if (parsed.success && promptText(parsed.data) === text) return parsed.data.map(plainMessage);
    } catch {
      // not JSON: a user's text that begins like it
    }
  }
  return [{ role: 'user', content: text }];
}

/** The beginning of what was said last, to know a prompt by in a list. A conversation that was cut is shown as it is. */
export function lastSaid(text: string, characters: number): string {
  const last = promptMessages(text).at(-1);
  return (last === undefined ? text : messageText(last)).slice(0, characters);
}

/**
 * The turn that answers: a text, or an assistant's message as JSON, as the log keeps one that calls tools. A person who
 * corrects it may space and order it otherwise.
 */
export function readAnswer(text: string): Message {
  if (/^\s*\{/.test(text) && text.includes('"assistant"')) {
    try {
      const { data } = messageSchema.safeParse(JSON.parse(text));
      if (data?.role === 'assistant' && saysSomething(data)) return plainMessage(data);
    } catch {
      // not JSON: a text that begins like it
    }
  }
  return { role: 'assistant', content: text };
}

/** Other JSON has a role, too. */
function saysSomething({ content, refusal, tool_calls: calls, function_call: call }: Message): boolean {
  return [content, refusal, calls, call].some((part) => part != null);
}

/**
 * What the embedded classifiers read: the text of a single message, or the turns as `role: content` lines. Serving
 * and training both call this, so that they see the same text.
 */
export function classifierText(messages: readonly Message[]): string {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) return messageText(only);
  return messages.map((message) => `${message.role}: ${messageText(message)}`).join('\n');
}
