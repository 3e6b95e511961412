import { createHash } from 'node:crypto';
import { promptMessages, type Message } from '../chat.ts';
import { exampleSchema, readJsonl } from '../jsonl.ts';
import { redactToStore } from '../log/redact/index.ts';
import { redactMessage } from '../log/redact-message.ts';
import type { KnownTexts } from './copies.ts';
import type { ChatPair } from './formats.ts';
import { hasCopy } from './decontaminate.ts';

/**
 * A share of a base set (JSONL of prompt and completion) as redacted chat pairs, about `rows` of them. Chosen by a hash of
 * each row: the same rows every time, whatever the order of the file. Copies of reserved texts are left out.
 */
export async function* readReplay(path: string, rows: number, reserved: KnownTexts): AsyncGenerator<ChatPair> {
  const total = await countLines(path);
  for await (const { prompt, completion } of readJsonl(path, exampleSchema)) {
    if (fractionOf(prompt, completion) >= rows / total) continue;
    const turns: Message[] = [...promptMessages(prompt), { role: 'assistant', content: completion }];
    // A base set has not been through the log: the second redactor has not seen it.
    const messages = await redactToStore((redact) => turns.map((turn) => redactMessage(turn, redact)));
    if (!hasCopy(messages.slice(0, -1), reserved)) yield { messages };
  }
}

async function countLines(path: string): Promise<number> {
  const rows = readJsonl(path, exampleSchema);
  let total = 0;
  while ((await rows.next()).done !== true) total += 1;
  return total;
}

function fractionOf(prompt: string, completion: string): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([prompt, completion]))
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}
