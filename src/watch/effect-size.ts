import { z } from 'zod';

/** How far a share moved from where it usually is. */
export interface Effect {
  /** What the shares are of. */
  of: 'pass rate' | 'share';
  usual: number;
  now: number;
  /** By how much it is worse, in shares; below zero it is better. */
  worse: number;
  /** In Cohen's words. */
  size: 'slight' | 'small' | 'medium' | 'large';
}

const goldFigures = z.object({
  baselinePassed: z.number(),
  baselineCases: z.number().positive(),
  passed: z.number(),
  cases: z.number().positive(),
});
const shareFigures = z.object({ usual: z.number().min(0).max(1), now: z.number().min(0).max(1) });

/** The effect that a verdict's figures tell of; null for one that compared nothing. */
export function effectOf(figures: unknown): Effect | null {
  const gold = goldFigures.safeParse(figures).data;
  if (gold !== undefined) {
    const [usual, now] = [gold.baselinePassed / gold.baselineCases, gold.passed / gold.cases];
    return { of: 'pass rate', usual, now, worse: usual - now, size: sizeOf(usual, now) };
  }
  const shares = shareFigures.safeParse(figures).data;
  if (shares === undefined) return null;
  const { usual, now } = shares;
  return { of: 'share', usual, now, worse: now - usual, size: sizeOf(usual, now) };
}

/**
 * Cohen's h, the difference of two shares after the arcsine transformation, in the words of Cohen, "Statistical power
 * analysis for the behavioral sciences" (1988), chapter 6: 0.2 is small, 0.5 medium, 0.8 large.
 */
function sizeOf(usual: number, now: number): Effect['size'] {
  const h = Math.abs(2 * Math.asin(Math.sqrt(usual)) - 2 * Math.asin(Math.sqrt(now)));
  if (h >= 0.8) return 'large';
  if (h >= 0.5) return 'medium';
  return h >= 0.2 ? 'small' : 'slight';
}
