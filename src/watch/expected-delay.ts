import { createRandom } from '../retrain/embedded/random.ts';
import { wantsConfirmation, weighProbe, type GoldBaseline } from './gold-monitor.ts';

export interface DelayInput {
  baseline: GoldBaseline;
  /** Answers of one probe, repeats of a case counting once. */
  cases: number;
  margin: number;
  logThreshold: number;
  confirms: boolean;
}

const trials = 101;
const mostLooks = 500;

/**
 * Looks until a drop of the pass rate is seen, in the median of simulated futures, by the very test that judges; null
 * when half of them take more than 500.
 */
export function expectedDelay(input: DelayInput, drop: number): number | null {
  const random = createRandom(1);
  const share = Math.max(0, input.baseline.passed / input.baseline.cases - drop);
  const next = () => countPasses(random, input.cases, share);
  const delays = Array.from({ length: trials }, () => delayOf(input, next, mostLooks).looks);
  const median = delays.sort((a, b) => a - b)[Math.floor(trials / 2)] ?? Infinity;
  return Number.isFinite(median) ? median : null;
}

/** Looks and probes, confirming ones included, until the alarm; Infinity when there is none in `most` looks. */
export function delayOf(
  { cases, confirms, ...probing }: DelayInput,
  nextPassed: () => number,
  most: number,
): { looks: number; probes: number } {
  let previousLogStatistic: number | undefined;
  let probes = 0;
  const probe = () => {
    probes += 1;
    const weighed = weighProbe({ ...probing, previousLogStatistic, probe: { cases, passed: nextPassed() } });
    previousLogStatistic = weighed?.logStatistic;
    return weighed;
  };
  for (let looks = 1; looks <= most; looks += 1) {
    let weighed = probe();
    if (weighed === null) break;
    if (confirms && wantsConfirmation(weighed, probing.logThreshold)) weighed = probe();
    if (weighed?.state === 'drift') return { looks, probes };
  }
  return { looks: Infinity, probes: Infinity };
}

function countPasses(random: () => number, cases: number, share: number): number {
  let passed = 0;
  for (let n = 0; n < cases; n += 1) if (random() < share) passed += 1;
  return passed;
}
