import { z } from 'zod';
import { classifierText, messageSchema, messageText, promptMessages, type Message } from '../chat.ts';
import { KnownTexts } from '../convert/copies.ts';
import { RelearnError } from '../errors.ts';
import { readPrompts } from '../gate/pack.ts';
import { readExamples, readJsonl } from '../jsonl.ts';
import type { ChainOptions } from '../log/redact/chain.ts';
import { redactionRules, redactorOfVersion, redactRow, type Redactor } from '../log/redact/index.ts';
import { redactMessage } from '../log/redact-message.ts';
import type { LabelledText } from './embedded/train.ts';

/** The redactor that the caller serves with. A thread does not know what its process was configured with. */
export interface TrainingRedaction {
  readonly redactorVersion: string;
  /** Where the second redactor is, when the version names one. */
  readonly chain?: ChainOptions | undefined;
}

export interface TrainingFiles {
  /** JSONL of prompt and completion: what the first version learned from. */
  readonly base: string;
  /** JSONL of chat pairs, `{"messages":[…, assistant]}`: corrected rows. */
  readonly dataset?: string | undefined;
  /** Gold set and eval pack: what the model must not learn from. */
  readonly calibration: readonly string[];
}

export interface TrainingRows {
  base: LabelledText[];
  corrected: LabelledText[];
  /** What gold set and eval pack ask. */
  calibration: string[];
  /** Base rows left out because they are copies of gold or eval cases, or nearly so (invariant 6). */
  contaminated: number;
}

const chatPairSchema = z.object({
  messages: z
    .array(messageSchema)
    .min(2)
    .refine((messages) => messages.at(-1)?.role === 'assistant', 'wanted an assistant message at the end'),
});

/**
 * Reads what a trainer learns from, redacted as serving redacts (invariant 12). Throws `invalid_rows`, and
 * `invalid_arguments` for a redactor this process does not have.
 */
export async function readTrainingRows(files: TrainingFiles, redaction: TrainingRedaction): Promise<TrainingRows> {
  const redactor = openRedactor(redaction);
  const calibration: string[] = [];
  for (const file of files.calibration) calibration.push(...(await readAsked(redactor, file)));
  const reserved = new KnownTexts();
  for (const text of calibration) reserved.add(text);
  const isFree = ({ text }: LabelledText) => !reserved.hasCopyOf(text);
  const all = await readLabelled(redactor, files.base);
  const base = all.filter(isFree);
  // The dataset was cleaned of near copies too when it was built.
  const corrected = files.dataset === undefined ? [] : (await readChatPairs(redactor, files.dataset)).filter(isFree);
  return { base, corrected, calibration, contaminated: all.length - base.length };
}

function openRedactor({ redactorVersion, chain }: TrainingRedaction): Redactor {
  const redactor = redactorOfVersion(redactorVersion, chain);
  if (redactor?.version === redactorVersion) return redactor;
  throw new RelearnError(
    'invalid_arguments',
    `Asked to train for redactor ${redactorVersion}; this process has ${redactor?.version ?? redactionRules}. Run one release everywhere.`,
  );
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

/** What a gold set or eval pack asks, redacted. Throws `invalid_rows`. */
export async function readAsked(redactor: Redactor, path: string): Promise<string[]> {
  const rows = await redactTexts(
    redactor,
    (await readPrompts(path)).map((messages) => ({ messages, label: '' })),
  );
  return rows.map(({ text }) => text);
}

async function readLabelled(redactor: Redactor, path: string): Promise<LabelledText[]> {
  const examples = await readExamples(path);
  return redactTexts(
    redactor,
    examples.map(({ prompt, completion }) => ({ messages: promptMessages(prompt), label: completion.trim() })),
  );
}

async function readChatPairs(redactor: Redactor, path: string): Promise<LabelledText[]> {
  const rows: { messages: readonly Message[]; label: string }[] = [];
  for await (const { messages } of readJsonl(path, chatPairSchema)) {
    const last = messages.at(-1);
    const label = last === undefined ? '' : messageText(last).trim();
    rows.push({ messages: messages.slice(0, -1), label });
  }
  return redactTexts(redactor, rows);
}

/** Rows that may wait for a second redactor at once. */
const rowsAtOnce = 64;

/** What serving would read. Redacting what is redacted already changes nothing. */
async function redactTexts(
  redactor: Redactor,
  rows: readonly { messages: readonly Message[]; label: string }[],
): Promise<LabelledText[]> {
  const texts: LabelledText[] = [];
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const slice = rows.slice(at, at + rowsAtOnce).map(async ({ messages, label }) => {
      const redacted = await redactRow(redactor, (redact) => messages.map((message) => redactMessage(message, redact)));
      return { text: classifierText(redacted), label };
    });
    texts.push(...(await Promise.all(slice)));
  }
  return texts;
}
