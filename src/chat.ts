import { z } from 'zod';

/** One turn of a conversation, as in OpenAI's chat API. */
export interface Message {
  role: string;
  content: string;
}

export const messageSchema = z.object({ role: z.string(), content: z.string() });

/**
 * A conversation as one string, the form the log keeps: a single user message is its text, anything longer is its
 * messages as JSON.
 */
export function promptText(messages: readonly Message[]): string {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined && only.role === 'user') return only.content;
  return JSON.stringify(messages.map(({ role, content }) => ({ role, content })));
}

const conversation = z.array(messageSchema).min(1);

/** Restores what `promptText` wrote. Text that only looks like JSON stays one user message. */
export function promptMessages(text: string): Message[] {
  if (text.startsWith('[{')) {
    try {
      const parsed = conversation.safeParse(JSON.parse(text));
      if (parsed.success && promptText(parsed.data) === text) return parsed.data;
    } catch {
      // not JSON: a user's text that begins like it
    }
  }
  return [{ role: 'user', content: text }];
}

/**
 * What the embedded classifiers read: the text of a single message, or the turns as `role: content` lines. Serving
 * and training both call this, so that they see the same text.
 */
export function classifierText(messages: readonly Message[]): string {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) return only.content;
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
