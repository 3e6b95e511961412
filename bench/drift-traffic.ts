import { createRandom } from '../src/retrain/embedded/random.ts';
import { judgeConfidence } from '../src/watch/confidence-monitor.ts';
import type { HourShares } from '../src/watch/healthy-level.ts';
import type { Judgement } from '../src/watch/judgement.ts';
import { judgeLowConfidence } from '../src/watch/low-confidence-monitor.ts';
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
  /** Share of users whose answers are all but always unsure. */
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
/** Values are those of a reference whose quantiles are these; the first is the version's threshold. */
const thresholds = [usualShare, 0.1, 0.25, 0.5, 0.75, 0.9];

interface Session {
  share: number;
  rowsPerLook: number;
  looksLeft: number;
  /** The hour it was last counted in. */
  counted: number;
}

/** What the census returns look by look: a user's rows averaged, each user counted once an hour. */
export function traffic(random: () => number, kind: Traffic) {
  let sessions: Session[] = [];
  let look = -1;
  return function nextLook(drift: number): { block: HourShares; rows: number; low: number } {
    look += 1;
    const phase = Math.sin((2 * Math.PI * look) / looksADay);
    const share = usualShare + kind.swing * phase + drift;
    const begin = Math.round(kind.sessions * (kind.swing > 0 ? 1 + 0.7 * phase : 1) * (0.8 + 0.4 * random()));
    const plain = (share - kind.oddUsers * 0.8) / (1 - kind.oddUsers);
    for (let n = 0; n < begin; n += 1) {
      const isOdd = random() < kind.oddUsers;
      sessions.push({
        share: isOdd ? 0.8 : Math.max(plain, 0.001),
        rowsPerLook: Math.max(1, Math.round((-Math.log(1 - random()) * kind.rows) / kind.looks)),
        looksLeft: kind.looks,
        counted: -1,
      });
    }
    const hour = Math.floor(look / 4);
    const block: HourShares = { units: 0, sums: thresholds.map(() => 0) };
    let rows = 0;
    let low = 0;
    for (const session of sessions) {
      const power = Math.log(usualShare) / Math.log(session.share); // so that P(value < 0.1) is the session's share
      const below = thresholds.map(() => 0);
      for (let row = 0; row < session.rowsPerLook; row += 1) {
        const value = random() ** power;
        for (let i = 0; i < thresholds.length; i += 1) if (value < (thresholds[i] ?? 0)) below[i] = (below[i] ?? 0) + 1;
      }
      rows += session.rowsPerLook;
      low += below[0] ?? 0;
      session.looksLeft -= 1;
      if (session.counted === hour) continue;
      session.counted = hour;
      block.units += 1;
      below.forEach((count, i) => (block.sums[i] = (block.sums[i] ?? 0) + count / session.rowsPerLook));
    }
    sessions = sessions.filter((session) => session.looksLeft > 0);
    return { block, rows, low };
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

export interface TrafficFigures {
  lowConfidence: number;
  confidence: number;
  /** A z test of the rows of each look against the reference, at 1 in 1,000. */
  zTest: number;
}

/** Follows a stream; `drift` begins at look `from`. Counts alarms from clean, and tells the first look of each after `from`. */
function follow(seed: number, kind: Traffic, logThreshold: number, looks: number, drift: number, from: number) {
  const next = traffic(createRandom(seed), kind);
  const low = watch(judgeLowConfidence, logThreshold, [0.05, 0.15]);
  const all = watch(judgeConfidence, logThreshold, [0.1, 0.2]);
  const alarms: TrafficFigures = { lowConfidence: 0, confidence: 0, zTest: 0 };
  const first: TrafficFigures = { lowConfidence: Infinity, confidence: Infinity, zTest: Infinity };
  const drifting = { lowConfidence: false, confidence: false, zTest: false };
  const hours: HourShares[] = [];
  let rows = 0;
  let lowRows = 0;
  let complete = false;
  for (let look = 0; look < looks; look += 1) {
    const seen = next(look >= from ? drift : 0);
    if (look < looksADay) {
      if (look % 4 === 0) hours.push({ units: 0, sums: thresholds.map(() => 0) });
      const hour = hours.at(-1);
      if (hour !== undefined) {
        hour.units += seen.block.units;
        seen.block.sums.forEach((sum, i) => (hour.sums[i] = (hour.sums[i] ?? 0) + sum));
      }
      rows += seen.rows;
      lowRows += seen.low;
    }
    if (!complete || look === looksADay - 1) {
      complete = rows >= 500;
      const reference = { complete, spansDay: look === looksADay - 1, rows, hours: structuredClone(hours) };
      low.setReference(reference);
      all.setReference(reference);
      continue;
    }
    const usual = lowRows / rows;
    const z = (seen.low / seen.rows - usual) / Math.sqrt(usual * (1 - usual) * (1 / seen.rows + 1 / rows));
    const states = {
      lowConfidence: low.look(seen.block) === 'drift',
      confidence: all.look(seen.block) === 'drift',
      zTest: z > 3.09,
    };
    for (const name of ['lowConfidence', 'confidence', 'zTest'] as const) {
      if (states[name] && !drifting[name]) {
        alarms[name] += 1;
        if (look >= from) first[name] = Math.min(first[name], look - from + 1);
      }
      drifting[name] = states[name];
    }
  }
  return { alarms, first };
}

/** Alarms a year on healthy traffic. */
export function trafficFalseAlarms(kind: Traffic, logThreshold: number, years: number): TrafficFigures {
  const total: TrafficFigures = { lowConfidence: 0, confidence: 0, zTest: 0 };
  for (let year = 0; year < years; year += 1) {
    const { alarms } = follow(1000 + year, kind, logThreshold, 365 * looksADay, 0, Infinity);
    for (const name of ['lowConfidence', 'confidence', 'zTest'] as const) total[name] += alarms[name] / years;
  }
  return total;
}

/** Looks until a rise of the low-confidence share is seen that begins after three healthy days, in the median. */
export function trafficDelay(kind: Traffic, logThreshold: number, rise: number, streams: number): TrafficFigures {
  const from = 3 * looksADay;
  const seen = Array.from(
    { length: streams },
    (_, n) => follow(5000 + n, kind, logThreshold, from + 2 * looksADay, rise, from).first,
  );
  return {
    lowConfidence: median(seen.map((first) => first.lowConfidence)),
    confidence: median(seen.map((first) => first.confidence)),
    zTest: median(seen.map((first) => first.zTest)),
  };
}
