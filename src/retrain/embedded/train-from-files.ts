import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { classifierText, messageSchema, messageText, promptMessages, type Message } from '../../chat.ts';
import { KnownTexts } from '../../convert/copies.ts';
import { RelearnError } from '../../errors.ts';
import { readPrompts } from '../../gate/pack.ts';
import { readExamples, readJsonl } from '../../jsonl.ts';
import { redactMessages, redactorVersion } from '../../log/redact/index.ts';
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
  /** The redactor the caller serves with; must be the one this process has. */
  readonly redactorVersion: string;
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
 * loop for long stretches: `trainEmbedded` runs it in a thread. Throws `invalid_rows` and `invalid_arguments`.
 */
export async function trainFromFiles(
  job: TrainingJob,
  onProgress: (fraction: number) => void,
): Promise<TrainingOutcome> {
  const started = performance.now();
  if (job.redactorVersion !== redactorVersion) {
    throw new RelearnError(
      'invalid_arguments',
      `Asked to train for redactor ${job.redactorVersion}; this process has ${redactorVersion}. Run one release everywhere.`,
    );
  }
  const reserved = new KnownTexts();
  for (const file of job.files.calibration) {
    for (const messages of await readPrompts(file)) reserved.add(redactedText(messages));
  }
  const isFree = ({ text }: LabelledText) => !reserved.hasCopyOf(text);
  const all = await readLabelled(job.files.base);
  const base = all.filter(isFree);
  // The dataset was cleaned of near copies too when it was built.
  const corrected = job.files.dataset === undefined ? [] : (await readChatPairs(job.files.dataset)).filter(isFree);
  const { seed, epochs, repeatDataset = defaultRepeat } = job;
  const repeated = Array<LabelledText[]>(repeatDataset).fill(corrected);
  const classifier = await trainClassifier({ rows: [...base, ...repeated.flat()], seed, epochs, onProgress });
  const lowConfidenceBelow = await calibrate(classifier, job.files.calibration);
  const rows = base.length + corrected.length;
  const { labels, featurizer } = classifier;
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

async function readLabelled(path: string): Promise<LabelledText[]> {
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

async function calibrate(classifier: Classifier, files: readonly string[]): Promise<number> {
  const featurize = createFeaturizer(classifier.featurizer);
  const logprobs: number[] = [];
  for (const file of files) {
    for (const messages of await readPrompts(file)) {
      logprobs.push(classify(classifier, featurize(redactedText(messages))).logprob);
    }
  }
  logprobs.sort((one, other) => one - other);
  return logprobs[Math.floor(logprobs.length * lowConfidenceShare)] ?? uncalibrated;
}
