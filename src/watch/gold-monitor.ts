import { looksPerYear, monitorsThatOpen, percent } from './judgement.ts';
import type { Judgement } from './judgement.ts';

export interface GoldJudgementInput {
  /** Answers to the gold set taken when the champion was deployed, all repeats summed; null when there are none. */
  baseline: { cases: number; passed: number } | null;
  /** This probe, repeats of one case averaged first; 'down' when the endpoint did not answer. */
  probe: { cases: number; passed: number } | 'down';
  /** A drop of the pass rate below this never alarms. */
  minDrop: number;
  everySeconds: number;
  /** `figures.logStatistic` of the verdict before, of the same version and gold set; left out at the first probe. */
  previousLogStatistic?: number | undefined;
}

/** The drops the test is made for, in shares; it mixes them with equal weight. */
const drops = [0.01, 0.02, 0.03, 0.05, 0.08];
/** The 95 % quantile of the standard normal distribution. */
const z95 = 1.6448536269514722;

/**
 * Decides whether the gold set's pass rate dropped. The verdict may be asked for again and again, for ever.
 *
 * Healthy means a pass rate of at least p0 = the baseline's one-sided lower 95 % bound (Wilson 1927) - minDrop. One
 * probe's e-value is the likelihood ratio of its pass count, Binomial(p0 - drop) against Binomial(p0), mixed over
 * `drops`. It is convex and falls with the count, so its mean under health is at most 1, for unequal independent cases
 * too (Hoeffding 1956). The probes are summed as a Shiryaev-Roberts e-detector, R = (1 + R) * e (Shin, Ramdas, Rinaldo
 * 2023), which takes at least T probes on average to pass T by chance. T = probes a year * monitors that open incidents.
 *
 * R is capped at T: the guarantee holds for less, and a long incident does not leave a debt that outlasts its cure.
 * A probe that did not answer changes nothing: R is carried through `down` and `unknown`.
 */
export function judgeGoldRun(input: GoldJudgementInput): Judgement {
  const { baseline, probe, minDrop, everySeconds, previousLogStatistic } = input;
  const carried = previousLogStatistic === undefined ? {} : { logStatistic: previousLogStatistic };
  if (probe === 'down') {
    return { state: 'down', effect: null, reason: 'The endpoint did not answer the gold set.', figures: carried };
  }
  const unknown = (reason: string): Judgement => ({ state: 'unknown', effect: null, reason, figures: carried });
  if (probe.cases === 0) return unknown('The probe holds no case.');
  if (baseline === null || baseline.cases === 0) return unknown('No baseline: the gold set was not run at deployment.');
  const healthyRate = wilsonLowerBound(baseline.passed, baseline.cases) - minDrop;
  if (healthyRate <= 0.01) {
    return unknown(
      `A baseline of ${baseline.passed} of ${baseline.cases} leaves no drop to see: wanted more cases, or a gold set the champion passes.`,
    );
  }
  const logThreshold = Math.log(looksPerYear(everySeconds) * monitorsThatOpen);
  const evidence = logEvidence(probe.passed, probe.cases, healthyRate);
  const before = previousLogStatistic === undefined ? 0 : softPlus(previousLogStatistic);
  const logStatistic = Math.min(before + evidence, logThreshold);
  const baselineRate = baseline.passed / baseline.cases;
  const rate = probe.passed / probe.cases;
  const effect = baselineRate - rate;
  const state = logStatistic >= logThreshold && effect >= minDrop ? 'drift' : 'clean';
  return {
    state,
    effect,
    reason: `Gold set: ${percent(rate)} of ${probe.cases} cases pass, ${percent(baselineRate)} at deployment; evidence ${logStatistic.toFixed(1)} of ${logThreshold.toFixed(1)}.`,
    figures: {
      baselineCases: baseline.cases,
      baselinePassed: baseline.passed,
      cases: probe.cases,
      passed: probe.passed,
      healthyRate,
      logStatistic,
      logThreshold,
    },
  };
}

/** Log of the e-value of `passed` of `cases` against a pass rate of at least `healthyRate`. */
function logEvidence(passed: number, cases: number, healthyRate: number): number {
  const ratios = drops
    .map((drop) => healthyRate - drop)
    .filter((rate) => rate > 0)
    .map(
      (rate) =>
        passed * Math.log(rate / healthyRate) + (cases - passed) * (Math.log1p(-rate) - Math.log1p(-healthyRate)),
    );
  const largest = Math.max(...ratios);
  const sum = ratios.reduce((total, ratio) => total + Math.exp(ratio - largest), 0);
  return largest + Math.log(sum / ratios.length);
}

/** log(1 + exp(x)) without overflow. */
function softPlus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/** One-sided lower 95 % bound of a share. Wilson, "Probable inference", JASA 22 (1927). */
function wilsonLowerBound(passed: number, cases: number): number {
  const rate = passed / cases;
  const z2 = z95 * z95;
  const centre = rate + z2 / (2 * cases);
  const spread = z95 * Math.sqrt((rate * (1 - rate)) / cases + z2 / (4 * cases * cases));
  return (centre - spread) / (1 + z2 / cases);
}
