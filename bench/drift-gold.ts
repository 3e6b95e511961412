import { createRandom } from '../src/retrain/embedded/random.ts';
import { delayOf, type DelayInput } from '../src/watch/expected-delay.ts';
import { wantsConfirmation, weighProbe, type GoldBaseline } from '../src/watch/gold-monitor.ts';

/** A model under probes: each case passes with its own probability, drawn anew at every answer. */
export interface NoisyModel {
  shares: readonly number[];
  /** Cases drawn for a probe; as many as there are: all of them. */
  cases: number;
  /** The baseline's repeats always agree, as with a cache in front of the model. */
  cachedBaseline?: boolean;
}

export interface Probing {
  margin: number;
  logThreshold: number;
  confirms: boolean;
  looksPerYear: number;
}

/** Decides, probe by probe, whether to alarm; made anew for each stream. */
export type Alarm = (passed: number, cases: number) => boolean;

const repeats = 5;

/** The baseline of one deployment. */
export function drawBaseline(random: () => number, { shares, cachedBaseline }: NoisyModel): GoldBaseline {
  let passed = 0;
  let squares = 0;
  for (const share of shares) {
    let passes = 0;
    if (cachedBaseline === true) passes = random() < share ? repeats : 0;
    else for (let n = 0; n < repeats; n += 1) if (random() < share) passes += 1;
    passed += passes / repeats;
    squares += (passes / repeats) ** 2;
  }
  return { repeats, cases: shares.length, passed, squares };
}

/** Draws pass counts of probes: by the exact distribution of the sum, or case by case where cases are drawn too. */
export function passCounts(random: () => number, { shares, cases }: NoisyModel, drop: number): () => number {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const now = shares.map((share) => (share * (mean - drop)) / mean);
  if (cases === shares.length) return drawFrom(random, sumDistribution(now));
  const order = now.map((_, index) => index);
  return () => {
    let passed = 0;
    for (let n = 0; n < cases; n += 1) {
      const other = n + Math.floor(random() * (order.length - n));
      const drawn = order[other] ?? 0;
      order[other] = order[n] ?? 0;
      order[n] = drawn;
      if (random() < (now[drawn] ?? 0)) passed += 1;
    }
    return passed;
  };
}

/** P(sum <= k) of independent unequal coins. */
function sumDistribution(shares: readonly number[]): Float64Array {
  let exact = new Float64Array([1]);
  for (const share of shares) {
    const next = new Float64Array(exact.length + 1);
    exact.forEach((p, k) => {
      next[k] = (next[k] ?? 0) + p * (1 - share);
      next[k + 1] = (next[k + 1] ?? 0) + p * share;
    });
    exact = next;
  }
  let total = 0;
  return exact.map((p) => (total += p));
}

/** By inversion, with a table of starting points. */
function drawFrom(random: () => number, cumulative: Float64Array): () => number {
  const size = 1024;
  const starts = Int32Array.from({ length: size }, (_, i) => cumulative.findIndex((p) => p > i / size));
  return () => {
    const u = random();
    let k = starts[Math.floor(u * size)] ?? 0;
    while (k < cumulative.length - 1 && (cumulative[k] ?? 1) <= u) k += 1;
    return k;
  };
}

/** False alarms a model and year: every passage from clean to drift in a healthy year of each stream. */
export function falseAlarms(seed: number, model: NoisyModel, probing: Probing, streams: number): number {
  const random = createRandom(seed);
  const next = passCounts(random, model, 0);
  const { margin, logThreshold, confirms, looksPerYear } = probing;
  const { cases } = model;
  let alarms = 0;
  for (let stream = 0; stream < streams; stream += 1) {
    const baseline = drawBaseline(random, model);
    let previous: number | undefined;
    let drifting = false;
    const probe = () => {
      const count = { cases, passed: next() };
      const weighed = weighProbe({ baseline, probe: count, margin, logThreshold, previousLogStatistic: previous });
      previous = weighed?.logStatistic;
      return weighed;
    };
    for (let look = 0; look < looksPerYear; look += 1) {
      let weighed = probe();
      if (confirms && weighed !== null && wantsConfirmation(weighed, logThreshold)) weighed = probe();
      const isDrift = weighed?.state === 'drift';
      if (isDrift && !drifting) alarms += 1;
      drifting = isDrift;
    }
  }
  return alarms / streams;
}

/** Probes until a drop is seen, confirming ones included, in the median of the streams. */
export function medianDelay(seed: number, model: NoisyModel, probing: Probing, drop: number, streams: number): number {
  const random = createRandom(seed);
  const next = passCounts(random, model, drop);
  return median(
    Array.from({ length: streams }, () => {
      const input: DelayInput = { ...probing, baseline: drawBaseline(random, model), cases: model.cases };
      return delayOf(input, next, 5000).probes;
    }),
  );
}

/** The same two figures for a rule that looks at one probe at a time. */
export function perLook(
  seed: number,
  model: NoisyModel,
  { looksPerYear }: Probing,
  rule: (baseline: GoldBaseline) => Alarm,
  streams: number,
): { falseAlarms: number; delay: (drop: number) => number } {
  const random = createRandom(seed);
  const healthy = passCounts(random, model, 0);
  let alarms = 0;
  for (let stream = 0; stream < streams; stream += 1) {
    const alarm = rule(drawBaseline(random, model));
    for (let look = 0; look < looksPerYear; look += 1) if (alarm(healthy(), model.cases)) alarms += 1;
  }
  const delay = (drop: number) => {
    const next = passCounts(random, model, drop);
    return median(
      Array.from({ length: streams }, () => {
        const alarm = rule(drawBaseline(random, model));
        for (let look = 1; look <= 5000; look += 1) if (alarm(next(), model.cases)) return look;
        return Infinity;
      }),
    );
  };
  return { falseAlarms: alarms / streams, delay };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
