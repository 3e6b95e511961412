import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import type { Champion } from '../promote/registry.ts';
import { lowConfidenceThreshold } from '../serve/load.ts';
import { censusStart, countShares, hasFeedback, readTraffic, type CensusScope, type Measure } from './census.ts';
import { judgeConfidence } from './confidence-monitor.ts';
import { logThresholdFor } from './e-detector.ts';
import { monitorsThatOpen } from './gold-plan.ts';
import type { HourShares } from './healthy-level.ts';
import { looksPerYear, type Judgement, type MonitorName } from './judgement.ts';
import { judgeLowConfidence } from './low-confidence-monitor.ts';
import { judgeNegativeFeedback } from './negative-feedback-monitor.ts';
import { takeReference } from './references.ts';
import type { TrafficLook } from './share-test.ts';
import { carriedFigures } from './verdicts.ts';

export interface TrafficScope {
  champion: Champion;
  settings: ModelConfig;
  hotWindowHours: number;
  at: Date;
  /** The name of this look, as in `recordVerdict`. */
  look: string;
}

/** Rows of one look that are counted, the newest ones: more say nothing new, and cost. */
const mostRows = 50_000;
/** Feedback is -1 where a user was unhappy, else 0. */
const unhappy = -0.5;

/** What the monitors of production traffic say, those that are off left out. */
export async function judgeTraffic(db: Database, scope: TrafficScope): Promise<Map<MonitorName, Judgement>> {
  const { champion, settings } = scope;
  const { lowConfidence, confidence, negativeFeedback } = settings.drift;
  const below = lowConfidenceThreshold(settings, champion);
  const judgements = new Map<MonitorName, Judgement>();
  if (lowConfidence.action !== 'off') {
    const options = { ...lowConfidence, of: 'logprob', below, lagSeconds: 0 } as const;
    judgements.set('low_confidence', await lookAt(db, scope, 'low_confidence', options, judgeLowConfidence));
  }
  if (confidence.action !== 'off') {
    const options = { ...confidence, of: 'logprob', below, lagSeconds: 0 } as const;
    judgements.set('confidence', await lookAt(db, scope, 'confidence', options, judgeConfidence));
  }
  if (negativeFeedback.action !== 'off') {
    const everGiven = await hasFeedback(db, champion.model);
    const options = { ...negativeFeedback, of: 'feedback', below: unhappy } as const;
    const judge = (look: TrafficLook) => judgeNegativeFeedback({ ...look, everGiven });
    judgements.set('negative_feedback', await lookAt(db, scope, 'negative_feedback', options, judge));
  }
  return judgements;
}

interface MonitorOptions {
  of: Measure;
  below: number;
  lagSeconds: number;
  margin: number;
  firstDayMargin: number;
}

async function lookAt(
  db: Database,
  { champion, settings, hotWindowHours, at, look }: TrafficScope,
  monitor: MonitorName,
  { of, below, lagSeconds, margin, firstDayMargin }: MonitorOptions,
  judge: (look: TrafficLook) => Judgement,
): Promise<Judgement> {
  const { model, version: modelVersion, since } = champion;
  const { everySeconds, referenceRequests } = settings.drift;
  const scope: CensusScope = { model, modelVersion, since, hotWindowHours, at };
  const reference = await takeReference(db, { ...scope, of, below, lagSeconds, referenceRequests });
  const carried = await carriedFigures(db, { model, modelVersion, monitor }, look);
  const start = censusStart(scope);
  const { idleSeconds } = await readTraffic(db, scope, start);
  const { hours, until } = await countShares(db, scope, {
    of,
    from: latest([start.toISOString(), reference.until, carried.until]),
    until: new Date(at.getTime() - lagSeconds * 1000).toISOString(),
    thresholds: reference.thresholds,
    limit: { last: mostRows },
    skipCounted: true,
  });
  const judged = judge({
    ...{ reference, idleSeconds, everySeconds, referenceRequests, margin, firstDayMargin },
    block: addUp(hours),
    previousLogStatistic: carried.logStatistic,
    logThreshold: logThresholdFor(looksPerYear(everySeconds), monitorsThatOpen(settings)),
  });
  const judgedUntil = judged.state === 'unknown' ? carried.until : (until ?? carried.until);
  return judgedUntil === undefined ? judged : { ...judged, figures: { ...judged.figures, until: judgedUntil } };
}

function latest(times: readonly (string | undefined)[]): string {
  const known = times.filter((time) => time !== undefined);
  return known.reduce((last, time) => (Date.parse(time) > Date.parse(last) ? time : last));
}

function addUp(hours: readonly HourShares[]): HourShares {
  const sums: number[] = [];
  for (const hour of hours) hour.sums.forEach((sum, index) => (sums[index] = (sums[index] ?? 0) + sum));
  return { units: hours.reduce((units, hour) => units + hour.units, 0), sums };
}
