import { z } from 'zod';
import { datasetConfig } from './convert/config.ts';
import { labelStudioConfig } from './correct/label-studio/config.ts';
import { relabelConfig } from './correct/relabel/config.ts';
import { certificatesConfig, evalsConfig } from './gate/config.ts';
import { isLoopback } from './http/loopback.ts';
import { redaction } from './log/redact/config.ts';
import { artifactsConfig } from './promote/artifact-config.ts';
import { canaryConfig } from './promote/config.ts';
import { tagsConfig } from './tag/config.ts';
import { monitorSettings } from './watch/config.ts';
import { clustersConfig } from './watch/clusters/config.ts';
import { trainerSchema } from './retrain/config.ts';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'wanted lower-case letters, digits, ".", "_" or "-", at most 63 characters');
const share = z.number().min(0).max(1);
const seconds = z.number().positive();
const count = z.number().int().positive();
const file = z.string().min(1);
const port = z.number().int().min(0).max(65535);

const serve = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('onnx') }).describe('an ONNX champion from the registry, run in this process'),
  z
    .strictObject({
      kind: z.literal('upstream'),
      url: z.url().describe('base URL of an OpenAI-compatible endpoint, such as https://host/v1'),
      upstreamModel: z.string().min(1).describe('the model name the endpoint knows'),
      apiKeyEnv: z.string().min(1).optional().describe('environment variable that holds the key'),
      lora: z
        .boolean()
        .default(false)
        .describe("a vLLM: a version's adapter is loaded by /v1/load_lora_adapter before it is asked"),
      timeoutSeconds: seconds
        .default(60)
        .describe('an answer must begin within this, repeats included, and never pause for longer'),
      retries: z
        .number()
        .int()
        .min(0)
        .max(10)
        .default(2)
        .describe('repeats after a failed connection, 429 or 503, within timeoutSeconds'),
    })
    .describe('any OpenAI-compatible endpoint'),
]);

const sampling = z.strictObject({
  healthyRate: share.default(0.05).describe('share of healthy rows kept for good'),
  reservoirPerHour: count
    .optional()
    .describe('healthy rows kept for each hour, drawn an hour after it has passed; instead of healthyRate'),
  lowConfidenceBelow: z
    .union([z.literal('calibrated'), z.number().max(0)])
    .default('calibrated')
    .describe('log-probability below which every row is kept; calibrated: the 10 % quantile stored with the version'),
});

const drift = z.strictObject({
  everySeconds: seconds.default(900).describe('how often driftWatch looks'),
  gold: file.optional().describe('JSONL of prompt and completion, re-run against the live endpoint'),
  ...monitorSettings,
  windowHours: z.number().positive().default(12).describe('rows this long before a detection belong to the incident'),
  maxPinned: count.default(200_000),
  graceHours: z.number().min(0).default(24).describe('an incident is resolved this long after the promotion'),
  deadlineDays: z.number().positive().default(30).describe('an incident that nobody answers closes after this'),
});

const retrain = z.strictObject({
  minCorrected: count.default(100).describe('distinct corrected rows of an incident before drift triggers a retrain'),
  trainer: trainerSchema.optional(),
  dataset: datasetConfig.prefault({}),
  cadence: z.string().optional().describe('cron expression in UTC, such as "0 3 * * 1"'),
  clusters: z
    .array(z.strictObject({ tag: z.string().min(1), minCorrected: count }))
    .default([])
    .describe('a tag whose count of newly corrected rows reaches minCorrected triggers a retrain'),
  afterErasure: z
    .boolean()
    .default(false)
    .describe('retrain when a user was erased from whom the champion had learned'),
  clusterEverySeconds: seconds.default(3600),
});

const rollout = z.strictObject({
  approval: z.boolean().default(false).describe('wait for a person before a promotion'),
  approvalDays: z.number().positive().default(7),
  canary: canaryConfig.optional().describe('let a candidate answer a part of the traffic first; left out: all at once'),
});

const model = z
  .strictObject({
    serve,
    sampling: sampling.prefault({}),
    drift: drift.prefault({}),
    retrain: retrain.prefault({}),
    clusters: clustersConfig.prefault({}),
    evals: evalsConfig.optional(),
    rollout: rollout.prefault({}),
    tags: tagsConfig.prefault({}),
    labelStudio: labelStudioConfig.optional(),
    relabel: relabelConfig.optional(),
  })
  .refine(({ serve, retrain: { trainer } }) => trainer?.kind !== 'jobs' || serve.kind === 'upstream', {
    path: ['retrain', 'trainer', 'kind'],
    message: 'jobs makes a model of an upstream: set serve.kind to upstream',
  });

/** Gateway and console: where they listen, who may ask, and how much. */
const server = {
  host: z.string().default('127.0.0.1').describe('other than a loopback address, it needs keys'),
  auth: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe('whether requests need a key; auto: unless host is a loopback address; off: on such an address only'),
  keyCacheMinutes: z
    .number()
    .min(0)
    .default(15)
    .describe('how long keys that are known already are accepted while Postgres does not answer'),
  requestsPerSecond: z.number().positive().default(1000).describe('of one key, per process, in the long run'),
  burst: count.default(2000).describe('requests that one key may send at once'),
  maxConcurrent: count.default(1000).describe('requests under way in one process; more are refused with 503'),
  headersTimeoutSeconds: seconds.default(10).describe('time a client has to send its headers'),
  requestTimeoutSeconds: seconds.default(60).describe('time a client has to send its whole request'),
  keepAliveSeconds: seconds.default(72).describe('idle connections are closed after this'),
};
const openHereOnly = ({ host, auth }: { host: string; auth: string }) => auth !== 'off' || isLoopback(host);
const offElsewhere = {
  path: ['auth'],
  message: 'off is for loopback addresses only: bind to 127.0.0.1, or leave auth out and make keys',
};

const settings = z.strictObject({
  stateDir: z.string().min(1).default('.relearn').describe('state of `relearn up`: databases, artifacts, logs'),
  gateway: z
    .strictObject({
      ...server,
      port: port.default(8080),
      bodyLimitKb: count.default(1024),
    })
    .refine(openHereOnly, offElsewhere)
    .prefault({}),
  console: z
    .strictObject({
      ...server,
      port: port.default(8081),
      url: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe('where people open the console, for links to it; left out: where it listens'),
    })
    .refine(openHereOnly, offElsewhere)
    .prefault({}),
  log: z
    .strictObject({
      flushMs: count.default(200),
      maxQueuedRows: count.default(50_000),
      spoolMb: count.default(256).describe('what may wait on the disk, in stateDir, while Postgres is away'),
      durable: z
        .boolean()
        .default(false)
        .describe('answer only when the row is on the disk: a killed gateway then loses nothing'),
      hotWindowHours: z.number().min(0).default(24),
      retentionDays: count.default(90),
      hashKeyEnv: z.string().min(1).default('RELEARN_HASH_KEY').describe('environment variable with the hashing key'),
      redaction: redaction.prefault({}),
    })
    .prefault({}),
  artifacts: artifactsConfig,
  certificates: certificatesConfig.prefault({}),
  models: z.record(name, model).refine((models) => Object.keys(models).length > 0, 'wanted at least one model'),
});

/** The whole of `relearn.yaml`. Unknown keys are errors: a misspelt setting must not silently mean its default. */
export const configSchema = settings.refine(
  ({ log, models }) =>
    log.hotWindowHours >= 3 || Object.values(models).every(({ sampling }) => sampling.reservoirPerHour === undefined),
  {
    path: ['log', 'hotWindowHours'],
    message: 'wanted 3 or more: sampling.reservoirPerHour is drawn from the hot window',
  },
);

export type Config = z.output<typeof configSchema>;
export type ServerConfig = Config['console'];
export type ModelConfig = Config['models'][string];
export type { Gate } from './gate/config.ts';
