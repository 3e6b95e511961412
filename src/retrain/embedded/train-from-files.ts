import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { classifierText, messageSchema, messageText, promptMessages, type Message } from '../../chat.ts';
import { KnownTexts } from '../../convert/copies.ts';
import { RelearnError } from '../../errors.ts';
import { readPrompts } from '../../gate/pack.ts';
import { readExamples, readJsonl } from '../../jsonl.ts';
import { redactMessage } from '../../log/redact-message.ts';
import type { ChainOptions } from '../../log/redact/chain.ts';
import { redactionRules, redactorOfVersion, redactRow, type Redactor } from '../../log/redact/index.ts';
import { classify, type Classifier } from './classify.ts';
import { exportOnnx } from './export-onnx.ts';
import { createFeaturizer } from './featurize.ts';
import { trainClassifier, type LabelledText } from './train.ts';

export interface TrainingJob {
  readonly files: {
    /** JSONL of prompt and completion: what the first version learned from. */
    readonly base: string;
    /** JSONL of chat pairs, `{"messages":[…, assistant]}`: corrected rows. */
    readonly dataset?: string | undefined;
    /** Cases that the model must not learn from: gold set and eval pack. */
    readonly calibration: readonly string[];
  };
  /** Path of the ONNX file, written whole or not at all. */
  readonly output: string;
  readonly seed: number;
  readonly epochs: number;
  /** The redactor the caller serves with; its rules must be those of this release. */
  readonly redactorVersion: string;
  /** Where its second redactor listens, when it has one. */
  readonly chain?: ChainOptions | undefined;
  /** How often a row of `dataset` is shown for each time a row of `base` is. */
  readonly repeatDataset?: number | undefined;
}

export interface TrainingOutcome {
  /** Natural log: the 10 % quantile of the confidence on the calibration rows. */
  lowConfidenceBelow: number;
  /** How many. */
  labels: number;
  /** Rows learned from base and dataset, repeats not counted. */
  rows: number;
  /** Base rows left out because they are copies of gold or eval cases, or nearly so (invariant 6). */
  contaminated: number;
  seconds: number;
}

/**
 * A corrected row tells more than a base row: it is what production asks now. Twice gains about 2 points on drifted mail (150
 * rows) and costs nothing on CLINC150, where three times costs half a point.
 */
const defaultRepeat = 2;
const lowConfidenceShare = 0.1;
/** Without rows to calibrate on: the answer is less likely than not. */
const uncalibrated = Math.log(0.5);

const chatPairSchema = z.object({
  messages: z
    .array(messageSchema)
    .min(2)
    .refine((messages) => messages.at(-1)?.role === 'assistant', 'wanted an assistant message at the end'),
});

/**
 * Trains on files and writes the ONNX file. Every text is redacted before it is read (invariant 12). Blocks the event
 * loop for long stretches: `trainEmbedded` runs it in a thread. Throws `invalid_rows`, `invalid_arguments` and
 * `redactor_unavailable`.
 */
export async function trainFromFiles(
  job: TrainingJob,
  onProgress: (fraction: number) => void,
): Promise<TrainingOutcome> {
  const started = performance.now();
  const redactor = openRedactor(job);
  const reserved = new KnownTexts();
  for (const file of job.files.calibration) {
    for (const { text } of await readAsked(redactor, file)) reserved.add(text);
  }
  const isFree = ({ text }: LabelledText) => !reserved.hasCopyOf(text);
  const all = await readLabelled(redactor, job.files.base);
  const base = all.filter(isFree);
  // The dataset was cleaned of near copies too when it was built.
  const corrected =
    job.files.dataset === undefined ? [] : (await readChatPairs(redactor, job.files.dataset)).filter(isFree);
  const { seed, epochs, repeatDataset = defaultRepeat } = job;
  const repeated = Array<LabelledText[]>(repeatDataset).fill(corrected);
  const classifier = await trainClassifier({ rows: [...base, ...repeated.flat()], seed, epochs, onProgress });
  const lowConfidenceBelow = await calibrate(redactor, classifier, job.files.calibration);
  const rows = base.length + corrected.length;
  const { labels, featurizer } = classifier;
  const { redactorVersion } = job;
  const trainer = { kind: 'embedded' as const, seed, epochs, repeatDataset };
  await writeFile(
    job.output,
    exportOnnx(classifier, { featurizer, labels: [...labels], redactorVersion, lowConfidenceBelow, trainer, rows }),
  );
  const contaminated = all.length - base.length;
  return {
    lowConfidenceBelow,
    labels: labels.length,
    rows,
    contaminated,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Throws `invalid_arguments` when this process has another redactor. */
function openRedactor({ redactorVersion, chain }: TrainingJob): Redactor {
  const redactor = redactorOfVersion(redactorVersion, chain);
  if (redactor?.version === redactorVersion) return redactor;
  throw new RelearnError(
    'invalid_arguments',
    `Asked to train for redactor ${redactorVersion}; this process has ${redactor?.version ?? redactionRules}. Run one release everywhere.`,
  );
}

async function readLabelled(redactor: Redactor, path: string): Promise<LabelledText[]> {
  const examples = await readExamples(path);
  return redactTexts(
    redactor,
    examples.map(({ prompt, completion }) => ({ messages: promptMessages(prompt), label: completion.trim() })),
  );
}

/** The questions of a gold set or eval pack; they have no label here. */
async function readAsked(redactor: Redactor, path: string): Promise<LabelledText[]> {
  return redactTexts(
    redactor,
    (await readPrompts(path)).map((messages) => ({ messages, label: '' })),
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

async function calibrate(redactor: Redactor, classifier: Classifier, files: readonly string[]): Promise<number> {
  const featurize = createFeaturizer(classifier.featurizer);
  const logprobs: number[] = [];
  for (const file of files) {
    for (const { text } of await readAsked(redactor, file))
      logprobs.push(classify(classifier, featurize(text)).logprob);
  }
  logprobs.sort((one, other) => one - other);
  return logprobs[Math.floor(logprobs.length * lowConfidenceShare)] ?? uncalibrated;
}
