import { advance, logEvidence, upperBound } from './e-detector.ts';
import { percent, unknownJudgement } from './judgement.ts';
import type { Judgement } from './judgement.ts';

/** Answers to the gold set, repeats of a case averaged first: `passed` is the sum of the averages. */
export interface GoldCount {
  cases: number;
  passed: number;
}

export interface GoldBaseline extends GoldCount {
  repeats: number;
  /** Sum of the squared averages: tells how alike the repeats of a case are. `passed` when each was asked once. */
  squares: number;
}

export interface GoldJudgementInput {
  /** Taken when the champion was deployed; null when there is none. */
  baseline: GoldBaseline | null;
  /** 'down' when the endpoint did not answer. */
  probe: GoldCount | 'down';
  /** A drop of the pass rate below this never alarms. */
  margin: number;
  /** Log of probes a year times monitors that open incidents. */
  logThreshold: number;
  /** `figures.logStatistic` of the verdict before, of the same version; left out at the first probe. */
  previousLogStatistic?: number | undefined;
}

/** The drops the test is made for, in shares; it mixes them with equal weight. */
const drops = [0.01, 0.02, 0.03, 0.05, 0.08];

/**
 * Decides whether the gold set's pass rate dropped. The verdict may be asked for again and again, for ever.
 *
 * Healthy means a pass rate of at least p0 = the baseline's lower 95 % bound - margin. One probe's e-value is the
 * likelihood ratio of its pass count, Binomial(p0 - drop) against Binomial(p0), mixed over `drops`, and the probes are
 * summed as a Shiryaev-Roberts e-detector (see e-detector.ts). A probe of cases drawn at random from the set is valid
 * too: its count is dominated by that of draws with replacement (Hoeffding 1963).
 *
 * A probe that did not answer changes nothing: the statistic is carried through `down` and `unknown`.
 */
export function judgeGoldRun(input: GoldJudgementInput): Judgement {
  const { baseline, probe, margin, logThreshold, previousLogStatistic } = input;
  const carried = previousLogStatistic === undefined ? {} : { logStatistic: previousLogStatistic };
  if (probe === 'down') {
    return { state: 'down', effect: null, reason: 'The endpoint did not answer the gold set.', figures: carried };
  }
  if (probe.cases === 0) return unknownJudgement('The probe holds no case.', carried);
  if (baseline === null || baseline.cases === 0) {
    return unknownJudgement('No baseline: the gold set was not run at deployment.', carried);
  }
  const weighed = weighProbe({ baseline, probe, margin, logThreshold, previousLogStatistic });
  if (weighed === null) {
    return unknownJudgement(
      `A baseline of ${baseline.passed} of ${baseline.cases} leaves no drop to see: wanted more cases, or a gold set the champion passes.`,
      carried,
    );
  }
  const { state, effect, healthyRate, logStatistic } = weighed;
  return {
    state,
    effect,
    reason: `Gold set: ${percent(probe.passed / probe.cases)} of ${probe.cases} cases pass, ${percent(baseline.passed / baseline.cases)} at deployment; evidence ${logStatistic.toFixed(1)} of ${logThreshold.toFixed(1)}.`,
    figures: {
      baselineCases: baseline.cases,
      baselineRepeats: baseline.repeats,
      baselinePassed: baseline.passed,
      cases: probe.cases,
      passed: probe.passed,
      healthyRate,
      logStatistic,
      logThreshold,
    },
  };
}

export interface WeighedProbe {
  state: 'clean' | 'drift';
  effect: number;
  /** The lowest pass rate that counts as healthy. */
  healthyRate: number;
  logStatistic: number;
}

/** What one answered probe adds to the statistic; null when the baseline leaves no drop to see. */
export function weighProbe({
  baseline,
  probe,
  margin,
  logThreshold,
  previousLogStatistic,
}: GoldJudgementInput & { baseline: GoldBaseline; probe: GoldCount }): WeighedProbe | null {
  const healthyRate = healthyPassRate(baseline, margin);
  if (healthyRate <= 0.01) return null;
  const alternatives = drops.filter((drop) => drop < healthyRate).map((drop) => 1 - healthyRate + drop);
  const evidence = logEvidence(probe.cases - probe.passed, probe.cases, 1 - healthyRate, alternatives);
  const logStatistic = advance(previousLogStatistic, evidence, logThreshold);
  const effect = baseline.passed / baseline.cases - probe.passed / probe.cases;
  const state = logStatistic >= logThreshold && effect >= margin ? 'drift' : 'clean';
  return { state, effect, healthyRate, logStatistic };
}

/** True when the evidence is half way to an alarm: then a second probe at once spares the wait for the next look. */
export function wantsConfirmation(
  { state, logStatistic }: Pick<WeighedProbe, 'state' | 'logStatistic'>,
  logThreshold: number,
): boolean {
  return state === 'clean' && logStatistic >= logThreshold / 2;
}

/** The lowest pass rate that counts as healthy. */
function healthyPassRate(baseline: GoldBaseline, margin: number): number {
  const failing = 1 - baseline.passed / baseline.cases;
  return 1 - upperBound(failing, effectiveTrials(baseline)) - margin;
}

/**
 * Trials the baseline is worth. The averages of the cases are independent, their repeats need not be: the variance of
 * the mean is taken from the spread of the averages (cases as clusters), so repeats that always agree, as those of a
 * deterministic model or a cache, count as one, and repeats as different as coin tosses in full.
 */
function effectiveTrials({ cases, passed, squares, repeats }: GoldBaseline): number {
  const rate = passed / cases;
  const spread = squares / cases - rate * rate;
  if (rate * (1 - rate) === 0) return cases;
  const trials = spread > 0 ? (cases * rate * (1 - rate)) / spread : Infinity;
  return Math.min(Math.max(trials, cases), cases * repeats);
}
