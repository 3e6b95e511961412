import { z } from 'zod';
import { classifierText, messageSchema, messageText, promptMessages, type Message } from '../chat.ts';
import { KnownTexts } from '../convert/copies.ts';
import { readExamples, readJsonl } from '../jsonl.ts';
import { redactMessages } from '../log/redact/index.ts';
import type { LabelledText } from './embedded/train.ts';

export interface TrainingFiles {
  /** JSONL of prompt and completion: what the first version learned from. */
  readonly base: string;
  /** JSONL of chat pairs, `{"messages":[…, assistant]}`: corrected rows. */
  readonly dataset?: string | undefined;
  /** JSONL of prompt and completion that the model must not learn from: gold set and eval pack. */
  readonly calibration: readonly string[];
}

export interface TrainingRows {
  base: LabelledText[];
  corrected: LabelledText[];
  calibration: LabelledText[];
  /** Base rows left out because they are copies of gold or eval cases, or nearly so (invariant 6). */
  contaminated: number;
}

const chatPairSchema = z.object({
  messages: z
    .array(messageSchema)
    .min(2)
    .refine((messages) => messages.at(-1)?.role === 'assistant', 'wanted an assistant message at the end'),
});

/** Reads what a trainer learns from, redacted as serving redacts (invariant 12). Throws `invalid_rows`. */
export async function readTrainingRows(files: TrainingFiles): Promise<TrainingRows> {
  const calibration: LabelledText[] = [];
  for (const file of files.calibration) calibration.push(...(await readLabelled(file)));
  const reserved = new KnownTexts();
  for (const { text } of calibration) reserved.add(text);
  const isFree = ({ text }: LabelledText) => !reserved.hasCopyOf(text);
  const all = await readLabelled(files.base);
  const base = all.filter(isFree);
  // The dataset was cleaned of near copies too when it was built.
  const corrected = files.dataset === undefined ? [] : (await readChatPairs(files.dataset)).filter(isFree);
  return { base, corrected, calibration, contaminated: all.length - base.length };
}

/**
 * Base rows, and the corrected ones: those of a label the base has `repeat` times, as they tell what production asks now.
 * Rows of a new label once: their class weight lifts them already.
 */
export function mixRows({ base, corrected }: TrainingRows, repeat: number): LabelledText[] {
  const known = new Set(base.map(({ label }) => label));
  const again = corrected.filter(({ label }) => known.has(label));
  return [
    ...base,
    ...corrected,
    ...Array<LabelledText[]>(repeat - 1)
      .fill(again)
      .flat(),
  ];
}

/** Rows of prompt and completion, redacted as serving redacts. Throws `invalid_rows`. */
export async function readLabelled(path: string): Promise<LabelledText[]> {
  const examples = await readExamples(path);
  return examples.map(({ prompt, completion }) => ({
    text: redactedText(promptMessages(prompt)),
    label: completion.trim(),
  }));
}

async function readChatPairs(path: string): Promise<LabelledText[]> {
  const rows: LabelledText[] = [];
  for await (const { messages } of readJsonl(path, chatPairSchema)) {
    const last = messages.at(-1);
    const label = last === undefined ? '' : messageText(last).trim();
    rows.push({ text: redactedText(messages.slice(0, -1)), label });
  }
  return rows;
}

/** What serving would read. Redacting what is redacted already changes nothing. */
function redactedText(messages: readonly Message[]): string {
  return classifierText(redactMessages(messages).messages);
}
