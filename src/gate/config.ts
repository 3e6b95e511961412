import { z } from 'zod';

const share = z.number().min(0).max(1);
const file = z.string().min(1);

/** What a gate measures, and the bounds each can have. */
const boundsOf = {
  pass_rate: ['min', 'maxDrop'],
  score: ['min', 'maxDrop'],
  improvement: ['min'],
  latency_p95_ms: ['max', 'maxRise'],
  size_mb: ['max', 'maxRise'],
} as const satisfies Record<string, readonly string[]>;
const bounds = ['min', 'max', 'maxDrop', 'maxRise'] as const;

export const gateSchema = z
  .strictObject({
    metric: z
      .enum(['pass_rate', 'score', 'improvement', 'latency_p95_ms', 'size_mb'])
      .default('pass_rate')
      .describe('improvement: how much better than the champion, proven; meant for the slice learned'),
    slice: z
      .string()
      .min(1)
      .default('all')
      .describe(
        'of the pack; all: every case of it; learned: the held-out corrections of all incidents; label/*: each completion ' +
          'that several cases want, none of which may lose more than maxDrop (default 0.1) beyond doubt',
      ),
    required: z.boolean().default(true).describe('false: told in the certificate, never decisive'),
    min: share.optional().describe('the candidate must reach this; improvement: by more than this (default 0)'),
    max: z.number().positive().optional().describe('the candidate must not exceed this, in ms or MB'),
    maxDrop: share
      .optional()
      .describe('lower 95 % bound of candidate minus champion, paired by case, must stay above -maxDrop'),
    maxRise: z
      .number()
      .min(0)
      .optional()
      .describe('the candidate may exceed the champion by this share: 0.2 is a fifth more'),
  })
  .superRefine((gate, context) => {
    const allowed: readonly string[] = boundsOf[gate.metric];
    for (const bound of bounds) {
      if (gate[bound] === undefined || allowed.includes(bound)) continue;
      const message = `${gate.metric} has no ${bound}; wanted ${allowed.join(' or ')}`;
      context.addIssue({ code: 'custom', path: [bound], message });
    }
    if (gate.slice === 'label/*' && (gate.metric !== 'pass_rate' || gate.min !== undefined)) {
      const message = 'label/* is compared with the champion: wanted metric pass_rate, and no bound but maxDrop';
      context.addIssue({ code: 'custom', path: ['slice'], message });
    }
    if (isBudget(gate) && gate.max === undefined && gate.maxRise === undefined) {
      context.addIssue({ code: 'custom', path: ['max'], message: `${gate.metric} wants max or maxRise` });
    }
  });

export type Gate = z.output<typeof gateSchema>;

/** Whether a gate asks for a figure beside the answers: such gates alone never let a version serve. */
export function isBudget({ metric }: Pick<Gate, 'metric'>): boolean {
  return metric === 'latency_p95_ms' || metric === 'size_mb';
}

/** Whether a gate has a bound that needs no champion to compare with. */
export function isAbsolute({ metric, min, max }: Gate): boolean {
  return max !== undefined || (min !== undefined && metric !== 'improvement');
}

const endpoint = z.strictObject({
  url: z.url().describe('base URL of an OpenAI-compatible endpoint, such as https://host/v1'),
  model: z.string().min(1).describe('the model name the endpoint knows'),
  apiKeyEnv: z.string().min(1).optional().describe('environment variable that holds the key'),
  timeoutSeconds: z.number().positive().default(60).describe('for one answer, repeats included'),
  retries: z.number().int().min(0).max(10).default(2).describe('repeats after a failed connection, 429 or 503'),
});

export type ScoringEndpoint = z.output<typeof endpoint>;

export const evalsConfig = z
  .strictObject({
    pack: file
      .optional()
      .describe('JSONL of prompt with completion or assertions, and optional slice, threshold and repeats'),
    judge: endpoint.optional().describe('the model that scores assertions of type llm-rubric'),
    embeddings: endpoint.optional().describe('the endpoint behind assertions of type similar'),
    gates: z.array(gateSchema).default([]),
  })
  .refine(({ pack, gates }) => pack !== undefined || gates.length === 0, {
    path: ['pack'],
    message: 'wanted an eval pack: gates are asked of its cases',
  });

export type EvalsConfig = z.output<typeof evalsConfig>;

export const certificatesConfig = z.strictObject({
  signingKeyEnv: z
    .string()
    .min(1)
    .default('RELEARN_SIGNING_KEY')
    .describe('environment variable with the Ed25519 private key (PEM) that signs certificates'),
  signingKeyFile: file
    .optional()
    .describe('file with that key; without either, the one that `relearn up` made in stateDir'),
  publicKeys: z
    .array(z.string().min(1))
    .default([])
    .describe('more keys whose certificates are good, as PEM or the base64 within: former keys, or the only ones'),
});

export type CertificatesConfig = z.output<typeof certificatesConfig>;
