import { createRandom } from '../src/retrain/embedded/random.ts';
import { judgeConfidence } from '../src/watch/confidence-monitor.ts';
import type { HourShares } from '../src/watch/healthy-level.ts';
import type { Judgement } from '../src/watch/judgement.ts';
import { judgeLowConfidence } from '../src/watch/low-confidence-monitor.ts';
import { judgeNegativeFeedback } from '../src/watch/negative-feedback-monitor.ts';
import type { TrafficLook } from '../src/watch/share-test.ts';
import { median } from './drift-gold.ts';

/** Production traffic of one model, in looks of 15 minutes. */
export interface Traffic {
  /** Sessions that begin in a look. */
  sessions: number;
  /** Mean rows of a session, spread over `looks` looks. */
  rows: number;
  looks: number;
  /** Swing of the low-confidence share, and of the volume, by the hour of the day. */
  swing: number;
  /** Share of users whose answers are all but always unsure, and who complain of every tenth. */
  oddUsers: number;
}

export const kinds: Record<string, Traffic> = {
  stationary: { sessions: 40, rows: 3, looks: 1, swing: 0, oddUsers: 0 },
  "a day's cycle": { sessions: 40, rows: 3, looks: 1, swing: 0.06, oddUsers: 0 },
  'bursty users': { sessions: 40, rows: 15, looks: 4, swing: 0, oddUsers: 0.1 },
  'both, busy': { sessions: 150, rows: 15, looks: 4, swing: 0.06, oddUsers: 0.1 },
};

export const looksADay = 96;
const usualShare = 0.1;
const usualComplaints = 0.02;
const oddComplaints = 0.1;
/** What raises the low-confidence share by three points raises that of unhappy answers by one. */
const unhappyPerUnsure = 1 / 3;
/** Values are those of a reference whose quantiles are these; the first is the version's threshold. */
const thresholds = [usualShare, 0.1, 0.25, 0.5, 0.75, 0.9];

interface Session {
  /** A row's value is below threshold i with this probability. */
  below: readonly number[];
  complains: number;
  rowsPerLook: number;
  looksLeft: number;
  /** The hour it was last counted in. */
  counted: number;
}

interface Look {
  block: HourShares;
  feedback: HourShares;
  rows: number;
  low: number;
}

/** What the census returns look by look: a user's rows averaged, each user counted once an hour. */
export function traffic(random: () => number, kind: Traffic) {
  let sessions: Session[] = [];
  let look = -1;
  return function nextLook(drift: number): Look {
    look += 1;
    const phase = Math.sin((2 * Math.PI * look) / looksADay);
    const share = usualShare + kind.swing * phase + drift;
    const begin = Math.round(kind.sessions * (kind.swing > 0 ? 1 + 0.7 * phase : 1) * (0.8 + 0.4 * random()));
    const plain = Math.max((share - kind.oddUsers * 0.8) / (1 - kind.oddUsers), 0.001);
    const complaints = usualComplaints + drift * unhappyPerUnsure;
    const plainComplaints = (complaints - kind.oddUsers * oddComplaints) / (1 - kind.oddUsers);
    // P(value < 0.1) is the share: value = u ** power, so value < threshold when u < threshold ** (1 / power).
    const cutoffs = (low: number) => thresholds.map((threshold) => threshold ** (Math.log(low) / Math.log(usualShare)));
    const [odd, usual] = [cutoffs(0.8), cutoffs(plain)];
    for (let n = 0; n < begin; n += 1) {
      const isOdd = random() < kind.oddUsers;
      sessions.push({
        below: isOdd ? odd : usual,
        complains: isOdd ? oddComplaints : plainComplaints,
        rowsPerLook: Math.max(1, Math.round((-Math.log(1 - random()) * kind.rows) / kind.looks)),
        looksLeft: kind.looks,
        counted: -1,
      });
    }
    const hour = Math.floor(look / 4);
    const block: HourShares = { units: 0, sums: thresholds.map(() => 0) };
    const feedback: HourShares = { units: 0, sums: [0] };
    let rows = 0;
    let low = 0;
    for (const session of sessions) {
      const below = thresholds.map(() => 0);
      let complaints = 0;
      for (let row = 0; row < session.rowsPerLook; row += 1) {
        const u = random();
        for (let i = 0; i < below.length; i += 1) if (u < (session.below[i] ?? 0)) below[i] = (below[i] ?? 0) + 1;
        if (random() < session.complains) complaints += 1;
      }
      rows += session.rowsPerLook;
      low += below[0] ?? 0;
      session.looksLeft -= 1;
      if (session.counted === hour) continue;
      session.counted = hour;
      block.units += 1;
      below.forEach((count, i) => (block.sums[i] = (block.sums[i] ?? 0) + count / session.rowsPerLook));
      feedback.units += 1;
      feedback.sums[0] = (feedback.sums[0] ?? 0) + complaints / session.rowsPerLook;
    }
    sessions = sessions.filter((session) => session.looksLeft > 0);
    return { block, feedback, rows, low };
  };
}

/** One monitor along one stream. */
function watch(judge: (look: TrafficLook) => Judgement, logThreshold: number, margins: [number, number]) {
  let previousLogStatistic: number | undefined;
  let reference: TrafficLook['reference'] = { complete: false, spansDay: false, rows: 0, hours: [] };
  return {
    setReference(next: TrafficLook['reference']) {
      reference = next;
    },
    look(block: HourShares): Judgement['state'] {
      const [margin, firstDayMargin] = margins;
      const judged = judge({
        ...{ reference, block, previousLogStatistic, logThreshold, margin, firstDayMargin },
        ...{ idleSeconds: 0, everySeconds: 900, referenceRequests: 500 },
      });
      const { logStatistic } = judged.figures;
      if (typeof logStatistic === 'number') previousLogStatistic = logStatistic;
      return judged.state;
    },
  };
}

const rules = ['lowConfidence', 'confidence', 'negativeFeedback', 'zTest'] as const;

/** `zTest`: a z test of the rows of each look against the reference, at 1 in 1,000. */
export type TrafficFigures = Record<(typeof rules)[number], number>;

const figures = (value: number): TrafficFigures => ({
  ...{ lowConfidence: value, confidence: value, negativeFeedback: value, zTest: value },
});

/** The hours of the first day. */
function collectHours() {
  const hours: HourShares[] = [];
  return {
    hours,
    add(look: number, block: HourShares) {
      if (look % 4 === 0) hours.push({ units: 0, sums: block.sums.map(() => 0) });
      const hour = hours.at(-1);
      if (hour === undefined) return;
      hour.units += block.units;
      block.sums.forEach((sum, i) => (hour.sums[i] = (hour.sums[i] ?? 0) + sum));
    },
  };
}

/** Follows a stream; `drift` begins at look `from`. Counts alarms from clean, and tells the first look of each after `from`. */
function follow(seed: number, kind: Traffic, logThreshold: number, looks: number, drift: number, from: number) {
  const next = traffic(createRandom(seed), kind);
  const low = watch(judgeLowConfidence, logThreshold, [0.05, 0.15]);
  const all = watch(judgeConfidence, logThreshold, [0.1, 0.2]);
  const unhappy = watch((look) => judgeNegativeFeedback({ ...look, everGiven: true }), logThreshold, [0.02, 0.05]);
  const [alarms, first, drifting] = [figures(0), figures(Infinity), figures(0)];
  const [sure, said] = [collectHours(), collectHours()];
  let rows = 0;
  let lowRows = 0;
  let complete = false;
  for (let look = 0; look < looks; look += 1) {
    const seen = next(look >= from ? drift : 0);
    if (look < looksADay) {
      sure.add(look, seen.block);
      said.add(look, seen.feedback);
      rows += seen.rows;
      lowRows += seen.low;
    }
    if (!complete || look === looksADay - 1) {
      complete = rows >= 500;
      const reference = { complete, spansDay: look === looksADay - 1, rows };
      for (const monitor of [low, all]) monitor.setReference({ ...reference, hours: structuredClone(sure.hours) });
      unhappy.setReference({ ...reference, hours: structuredClone(said.hours) });
      continue;
    }
    const usual = lowRows / rows;
    const z = (seen.low / seen.rows - usual) / Math.sqrt(usual * (1 - usual) * (1 / seen.rows + 1 / rows));
    const alarmed = {
      lowConfidence: low.look(seen.block) === 'drift',
      confidence: all.look(seen.block) === 'drift',
      negativeFeedback: unhappy.look(seen.feedback) === 'drift',
      zTest: z > 3.09,
    };
    for (const rule of rules) {
      if (alarmed[rule] && drifting[rule] === 0) {
        alarms[rule] += 1;
        if (look >= from) first[rule] = Math.min(first[rule], look - from + 1);
      }
      drifting[rule] = Number(alarmed[rule]);
    }
  }
  return { alarms, first };
}

/** Alarms a year on healthy traffic. */
export function trafficFalseAlarms(kind: Traffic, logThreshold: number, years: number): TrafficFigures {
  const total = figures(0);
  for (let year = 0; year < years; year += 1) {
    const { alarms } = follow(1000 + year, kind, logThreshold, 365 * looksADay, 0, Infinity);
    for (const rule of rules) total[rule] += alarms[rule] / years;
  }
  return total;
}

/**
 * Looks until a rise of the low-confidence share, and of a third of it in unhappy answers, is seen that begins after
 * three healthy days: the median.
 */
export function trafficDelay(kind: Traffic, logThreshold: number, rise: number, streams: number): TrafficFigures {
  const from = 3 * looksADay;
  const seen = Array.from(
    { length: streams },
    (_, n) => follow(5000 + n, kind, logThreshold, from + 2 * looksADay, rise, from).first,
  );
  const medians = figures(0);
  for (const rule of rules) medians[rule] = median(seen.map((first) => first[rule]));
  return medians;
}
