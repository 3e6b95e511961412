import { z } from 'zod';

/** How a candidate takes over once it has passed its gates. */
export const canaryConfig = z.strictObject({
  shares: z
    .array(z.number().gt(0).lt(1))
    .refine(
      (shares) => shares.every((share, place) => place === 0 || share > (shares[place - 1] ?? 0)),
      'wanted shares that grow',
    )
    .default([0.05, 0.25])
    .describe('parts of the traffic that the candidate answers, one after the other, before it answers all'),
  stepMinutes: z.number().min(0).default(30).describe('how long each share is watched; 0: no canary'),
  maxLowConfidenceIncrease: z.number().min(0).max(1).default(0.05).describe('above the champion, in the same hours'),
  maxNegativeIncrease: z.number().min(0).max(1).default(0.02).describe('of the share of rows users complain about'),
});
export type CanaryConfig = z.output<typeof canaryConfig>;
