import { createHash } from 'node:crypto';
import type { ModelConfig } from '../config.ts';
import type { GoldHistory } from './gold-runs.ts';
import { looksPerYear } from './judgement.ts';
import { logThresholdFor } from './e-detector.ts';

/** How the gold set of a model is asked, defaults filled in by what serves it. */
export interface GoldPlan {
  everySeconds: number;
  /** Every look at the model is a probe, those by hand too. */
  everyLook: boolean;
  /** Cases of a probe; undefined: the whole set. */
  cases: number | undefined;
  repeats: number;
  baselineRepeats: number;
  margin: number;
  /** Whether a second probe follows at once when the evidence is half way to an alarm. */
  confirms: boolean;
}

/** An upstream's answers cost money and time, so it is asked less; an ONNX champion always says the same. */
export function goldPlan({ serve, drift }: Pick<ModelConfig, 'serve' | 'drift'>): GoldPlan {
  const { everySeconds, cases, repeats, baselineRepeats, margin } = drift.goldSet;
  const isUpstream = serve.kind === 'upstream';
  const wanted = Math.max(drift.everySeconds, everySeconds ?? (isUpstream ? 3600 : 0));
  return {
    ...{ everySeconds: wanted, everyLook: wanted === drift.everySeconds },
    cases: cases ?? (isUpstream ? 60 : undefined),
    repeats,
    baselineRepeats: baselineRepeats ?? (isUpstream ? 5 : 1),
    margin,
    confirms: isUpstream,
  };
}

/** Monitors of a model that open incidents: the false-alarm budget of one a year is shared among them. */
export function monitorsThatOpen({ drift }: Pick<ModelConfig, 'drift'>): number {
  const traffic = [drift.lowConfidence, drift.confidence, drift.negativeFeedback];
  const gold = drift.gold === undefined ? [] : [drift.goldSet];
  return [...traffic, ...gold].filter(({ action }) => action === 'incident').length;
}

/** Log of probes a year, confirming ones included, times monitors that open incidents. */
export function goldLogThreshold(settings: Pick<ModelConfig, 'serve' | 'drift'>): number {
  const { everySeconds, confirms } = goldPlan(settings);
  return logThresholdFor(looksPerYear(everySeconds) * (confirms ? 2 : 1), monitorsThatOpen(settings));
}

/**
 * What a look at the gold set is for. A baseline is taken, or completed, until the first probe; later it would show a
 * model that may have changed. A probe is due when the last one is `everySeconds` old, less a tenth for late looks.
 */
export function nextGoldStep(
  { baselineRuns, probes, idleSeconds }: GoldHistory,
  { baselineRepeats, everySeconds, everyLook }: GoldPlan,
  now: boolean,
): { baseline: number } | 'probe' | 'wait' {
  if (baselineRuns < baselineRepeats && probes === 0) return { baseline: baselineRepeats - baselineRuns };
  return now || everyLook || idleSeconds === null || idleSeconds >= 0.9 * everySeconds ? 'probe' : 'wait';
}

/**
 * Draws `count` of the cases at random, the same ones whenever `seed` is the same. Each probe draws anew: cases that took
 * turns by a fixed plan would make a probe of hard ones look like drift.
 */
export function drawCases<Case extends { id: string }>(
  cases: readonly Case[],
  count: number | undefined,
  seed: string,
): readonly Case[] {
  if (count === undefined || count >= cases.length) return cases;
  const place = new Map(cases.map(({ id }) => [id, createHash('sha256').update(`${seed} ${id}`).digest('hex')]));
  const drawn = [...place].sort(([, a], [, b]) => (a < b ? -1 : 1)).slice(0, count);
  const ids = new Set(drawn.map(([id]) => id));
  return cases.filter(({ id }) => ids.has(id));
}
