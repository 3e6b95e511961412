import { classifierText, messageText, promptMessages } from '../chat.ts';
import type { KnownTexts } from './copies.ts';

/** Whether a prompt, as logged, is a copy of a reserved text: the whole conversation, or the question that ends it. */
export function hasCopy(prompt: string, reserved: KnownTexts): boolean {
  const messages = promptMessages(prompt);
  const last = messages.at(-1);
  return reserved.hasCopyOf(classifierText(messages)) || (last !== undefined && reserved.hasCopyOf(messageText(last)));
}
