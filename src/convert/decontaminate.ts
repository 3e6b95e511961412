import { classifierText, messageText, type Message } from '../chat.ts';
import type { KnownTexts } from './copies.ts';

/** Whether a redacted prompt is a copy of a reserved text: the whole conversation, or the question that ends it. */
export function hasCopy(messages: readonly Message[], reserved: KnownTexts): boolean {
  const last = messages.at(-1);
  return reserved.hasCopyOf(classifierText(messages)) || (last !== undefined && reserved.hasCopyOf(messageText(last)));
}
