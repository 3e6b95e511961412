import { z } from 'zod';
import { feedbackKinds } from '../log/feedback.ts';

/**
 * A regular expression of Postgres. Its matcher is an automaton, of linear time, unless the pattern refers back to what
 * it has matched: that is refused, as is a long one.
 */
export const pattern = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !/\\[1-9]|\0/.test(text), 'wanted a regular expression without back references');

const rule = z
  .strictObject({
    tag: z.string().trim().min(1).max(200).describe('what matching rows are tagged'),
    logprobBelow: z.number().max(0).optional().describe('rows whose log-probability is below this'),
    keptBecause: z
      .array(z.enum(['low_confidence', 'flagged', 'drift_window', 'post_drift', 'healthy']))
      .min(1)
      .optional()
      .describe('rows kept for one of these reasons'),
    feedback: z
      .array(z.enum(feedbackKinds))
      .min(1)
      .optional()
      .describe('rows with user feedback of one of these kinds'),
    prompt: pattern.optional().describe('regular expression (Postgres) on the redacted prompt, whatever its case'),
    response: pattern.optional().describe('the same on the redacted response'),
  })
  .refine((given) => Object.keys(given).some((name) => name !== 'tag'), 'wanted at least one condition beside the tag');

export const tagsConfig = z.strictObject({
  rules: z.array(rule).max(100).default([]).describe('tag kept rows that meet all conditions of a rule'),
  rulesEverySeconds: z.number().positive().default(300),
});

export type TagRule = z.output<typeof rule>;
