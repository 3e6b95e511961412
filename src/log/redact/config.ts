import { z } from 'zod';
import { packNames } from './packs.ts';

/** `log.redaction` of the configuration. */
export const redaction = z.strictObject({
  packs: z
    .array(z.enum(packNames))
    .default([])
    .describe(
      'government ids of other countries to redact as [GOV_ID], where a word announces them and their check holds',
    ),
  numbered: z
    .boolean()
    .default(false)
    .describe('[EMAIL_1] instead of [EMAIL]: the same value, the same number in a row'),
  chain: z
    .strictObject({
      url: z.url().describe("a second redactor for what goes to the log: base URL of Presidio's analyzer"),
      language: z
        .string()
        .regex(/^[a-zA-Z][a-zA-Z_-]+$/, 'wanted a language such as en')
        .default('en'),
      minScore: z.number().min(0).max(1).default(0.5).describe('findings below this score are left'),
      timeoutSeconds: z.number().positive().default(5),
      entities: z
        .array(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'wanted names such as PERSON'))
        .min(1)
        .optional()
        .describe('entities to ask for; left out: all it knows'),
    })
    .optional()
    .describe('fails closed: while it does not answer, rows are dropped and counted'),
});
