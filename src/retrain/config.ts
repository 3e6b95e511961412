import { z } from 'zod';

const file = z.string().min(1);
const count = z.number().int().positive();
const seconds = z.number().positive();
const base = file.describe(
  'JSONL of prompt and completion: what the first version learned from, replayed in each retrain',
);
const seed = z.number().int().default(1);

const embedded = z
  .strictObject({ kind: z.literal('embedded'), base, seed, epochs: count.default(6) })
  .describe('n-gram text classifier, trained in this process in seconds');

const encoder = z
  .strictObject({
    kind: z.literal('encoder'),
    base,
    seed,
    encoder: file.describe('an ONNX sentence encoder: token ids in, one vector a token out'),
    tokenizer: file.describe("the encoder's vocab.txt, or tokenizer.json with a WordPiece model"),
    maxTokens: z.number().int().min(3).max(512).default(128).describe('longer texts are cut'),
    epochs: count.default(8),
  })
  .describe('a softmax head on a sentence encoder of your own; both are served as one version');

const command = z
  .strictObject({
    kind: z.literal('command'),
    base,
    seed,
    command: z.array(z.string().min(1)).min(1).describe('program and arguments; paths come in RELEARN_* variables'),
    retries: z
      .number()
      .int()
      .min(0)
      .max(20)
      .default(2)
      .describe('how often a program that failed is started again in a run; it finds its checkpoints'),
    killAfterSeconds: seconds.default(10).describe('what it has left after SIGTERM when a run is cancelled'),
  })
  .describe('any program: docs/trainers.md has its contract');

const jobs = z
  .strictObject({
    kind: z.literal('jobs'),
    base: base.optional(),
    seed,
    url: z.url().describe('base URL of a fine-tuning API in OpenAI form, such as https://host/v1'),
    apiKeyEnv: z.string().min(1).optional().describe('environment variable that holds the key'),
    baseModel: z.string().min(1).describe('the model to fine-tune, in the words of the API'),
    hyperparameters: z.record(z.string(), z.unknown()).optional().describe('passed on as they are'),
    pollSeconds: seconds.default(30),
  })
  .describe('a fine-tuning API; the result is a model name at the upstream');

/** `retrain.trainer`: who makes a candidate of the corrected rows. */
export const trainerSchema = z.discriminatedUnion('kind', [embedded, encoder, command, jobs]);
export type TrainerConfig = z.output<typeof trainerSchema>;
export type EncoderConfig = z.output<typeof encoder>;
export type CommandConfig = z.output<typeof command>;
export type JobsConfig = z.output<typeof jobs>;
