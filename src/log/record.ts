import { z } from 'zod';

const word = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.includes('\0'), 'wanted text without the character zero');

/** One line of the log as JSONL: what view `relearn.log` holds, `ts` in ISO 8601. */
export const logRecordSchema = z.object({
  request_id: word,
  ts: z.iso.datetime({ offset: true }),
  model_version: word,
  prompt: z.string(),
  response: z.string(),
  latency_ms: z.number().min(0),
  user_id_hash: z
    .string()
    .regex(/^[0-9a-f]{16}$/, 'wanted 16 hex digits or null: user ids are hashed before they come here')
    .nullable()
    .default(null),
  response_logprob: z.number().nullable().default(null),
  tags: z.array(word).default([]),
});

export type LogRecord = z.output<typeof logRecordSchema>;
