import { advance, logEvidence } from './e-detector.ts';
import { healthyLevel, meanOf } from './healthy-level.ts';
import type { HourShares, Indicator } from './healthy-level.ts';
import { unknownJudgement } from './judgement.ts';
import type { Judgement } from './judgement.ts';

/** One look at production traffic. */
export interface TrafficLook {
  /** Counted after the deployment. */
  reference: { complete: boolean; spansDay: boolean; rows: number; hours: readonly HourShares[] };
  /** The rows that came since the last look that was judged, units counted before in their hour left out. */
  block: HourShares;
  /** What the look before left in `figures`. */
  previousLogStatistic?: number | undefined;
  /** Age of the newest row; null when there is none. */
  idleSeconds: number | null;
  everySeconds: number;
  referenceRequests: number;
  logThreshold: number;
  margin: number;
  /** The margin while the reference spans less than a day. */
  firstDayMargin: number;
}

export interface ShareVerdict {
  state: 'clean' | 'drift';
  /** The indicator that moved furthest from the reference, and where it is. */
  told: { indicator: Indicator; usual: number; now: number };
  logStatistic: number;
}

/** Traffic that is silent for longer than this, and than two looks, is "no data". */
const idleLimitSeconds = 3600;
/** Fewer units wait for the next look: one unusual user must not be a share. */
export const fewestUnits = 20;
/** Alternatives, as shares of the room above the healthy level: from a creeping change to a full break. */
const rises = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7];

/**
 * Decides whether any of the indicators became more frequent among users than the reference allows. The evidence of a
 * look is the mean of the indicators' e-values (see e-detector.ts), itself an e-value; looks are summed as a
 * Shiryaev-Roberts e-detector over blocks of new rows that never overlap.
 *
 * The promise, at most one false alarm in T looks, holds however many rows there are, as long as users are independent
 * and the mean expected at each look stays below the healthy level: reference, day's cycle and margin included.
 */
export function testShares(look: TrafficLook, indicators: readonly Indicator[]): ShareVerdict | Judgement {
  const { reference, block, previousLogStatistic, idleSeconds, everySeconds, logThreshold } = look;
  const carried = previousLogStatistic === undefined ? {} : { logStatistic: previousLogStatistic };
  if (!reference.complete) {
    return unknownJudgement(
      `The reference has ${reference.rows} of ${look.referenceRequests} production rows since deployment.`,
      carried,
    );
  }
  if (idleSeconds !== null && idleSeconds > Math.max(idleLimitSeconds, 2 * everySeconds)) {
    return unknownJudgement(`No production request for ${Math.floor(idleSeconds / 60)} minutes.`, carried);
  }
  if (block.units < fewestUnits) {
    return unknownJudgement(`${block.units} users since the last judgement, wanted ${fewestUnits}.`, carried);
  }
  const margin = reference.spansDay ? look.margin : look.firstDayMargin;
  const tested = indicators.map((indicator) => {
    const { usual, most } = healthyLevel(reference.hours, indicator, margin);
    const now = meanOf([block], indicator).mean;
    const alternatives = rises.map((rise) => most + (1 - most) * rise);
    const evidence = most < 1 ? logEvidence(now * block.units, block.units, most, alternatives) : 0;
    return { indicator, usual, now, evidence };
  });
  const [first, ...others] = tested;
  if (first === undefined) return unknownJudgement('There is nothing to look at.', carried);
  const told = others.reduce((most, next) => (next.now - next.usual > most.now - most.usual ? next : most), first);
  const logStatistic = advance(previousLogStatistic, logMean(tested.map(({ evidence }) => evidence)), logThreshold);
  return { state: logStatistic >= logThreshold ? 'drift' : 'clean', told, logStatistic };
}

/** The figures every monitor of traffic keeps. */
export function shareFigures(look: TrafficLook, { logStatistic, told }: ShareVerdict): Judgement['figures'] {
  return {
    referenceRows: look.reference.rows,
    users: look.block.units,
    usual: told.usual,
    now: told.now,
    logStatistic,
    logThreshold: look.logThreshold,
  };
}

function logMean(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / logs.length);
}
