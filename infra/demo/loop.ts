import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { fewestUnits } from '../../src/watch/share-test.ts';
import { lastVerdict } from '../../src/watch/verdicts.ts';
import type { Runtime } from '../runtime.ts';
import { StoryEnded, waitFor } from './patience.ts';
import type { Progress } from './progress.ts';
import type { GateView, IncidentView, ReviewApi } from './review-api.ts';
import { endedRun, isEnough, isTriggered, readIncident, reviewQueue, type Desk } from './reviewer.ts';
import type { DemoStory, TrafficRow } from './story.ts';
import type { Production } from './traffic.ts';

export interface Scene {
  story: DemoStory;
  runtime: Runtime;
  api: ReviewApi;
  temporal: Client;
  production: Production;
  progress: Progress;
  signal: AbortSignal;
}

const requestsPerSecond = 400;
/** Slow enough for drift watch to look before all of it is through. */
const driftedPerSecond = 80;
const rowsPerLook = 20;
const gatewayNoticeMs = 1000;

/** A day of the drifted production: what comes in before the reviewer sits down. */
const mostRowsADay = 600;
const mostDays = 10;

/** Healthy traffic, and the proof that it raises no alarm: drift watch has looked at all of it. */
export async function sendHealthyTraffic(scene: Scene, version: string): Promise<void> {
  const { story, runtime, production, signal, api } = scene;
  await production.send(story.healthy, { perSecond: requestsPerSecond, user: (index) => `reader-${index}` });
  const sentAt = new Date();
  const key = { model: story.model, modelVersion: version, monitor: 'low_confidence' };
  await waitFor({ what: 'drift watch to find the healthy traffic healthy', timeoutMs: 300_000, signal }, async () => {
    const incident = await api.incident(story.model);
    if (incident !== undefined) throw new StoryEnded(`Healthy traffic raised an alarm: ${incident.monitor}.`);
    const verdict = await lastVerdict(runtime.db, key);
    if (verdict === null || verdict.at <= sentAt) return undefined;
    // What is left over for the next look is too little to judge.
    const isJudged = verdict.state === 'clean' || 'logStatistic' in verdict.figures;
    return isJudged || story.healthy.length < 4 * fewestUnits ? true : undefined;
  });
}

export interface DriftSeen {
  incident: IncidentView;
  /** Drifted requests answered by the time of the detection. */
  requests: number;
  /** Those sent by the time it was noticed here. */
  sent: number;
}

/** Drifted traffic, until a monitor has seen it. */
export async function sendUntilDetected({ story, production, api, signal }: Scene): Promise<DriftSeen> {
  const before = new Set(production.answered.keys());
  const most = Math.max(3000, 2 * story.drifted.length);
  const seen = (incident: IncidentView, sent: number): DriftSeen => {
    const detectedAt = incident.detected_at.getTime();
    const drifted = [...production.answered].filter(([id, { at }]) => !before.has(id) && at <= detectedAt);
    return { incident, requests: drifted.length, sent };
  };
  for (let sent = 0; sent < most; sent += rowsPerLook) {
    await production.send(takeRows(story.drifted, sent, rowsPerLook), {
      perSecond: driftedPerSecond,
      user: (index) => mailbox(sent + index, story),
    });
    const incident = await waitFor({ what: 'the review API', timeoutMs: 60_000, signal }, async () => ({
      found: await api.incident(story.model),
    }));
    if (incident.found !== undefined) return seen(incident.found, sent + rowsPerLook);
  }
  // On a slow machine drift watch may be behind.
  const late = await waitFor({ what: 'a monitor to see the drift', timeoutMs: 120_000, signal }, () =>
    api.incident(story.model),
  ).catch(() => undefined);
  signal.throwIfAborted();
  if (late !== undefined) return seen(late, most);
  throw new StoryEnded(`No monitor saw the drift within ${most} drifted requests.`);
}

/**
 * Production goes on and the reviewer answers what comes in, day by day, until enough rows are corrected for a
 * retrain. When all mail has come once, it comes again to another mailbox, as newsletters and spam do.
 */
export async function correctUntilRetrain(scene: Scene, { incident, sent: alreadySent }: DriftSeen): Promise<void> {
  const { story, production, progress, signal } = scene;
  const { model, minCorrected } = story;
  const desk: Desk = { ...scene, model, minCorrected, incident: incident.id };
  await waitFor({ what: "the incident's workflow to begin", timeoutMs: 120_000, signal }, async () =>
    (await readIncident(desk)).state === 'open' ? undefined : true,
  );
  // Every gateway knows of the incident by then, and keeps all that comes.
  await sleep(gatewayNoticeMs, undefined, { signal });
  const rowsADay = Math.min(story.drifted.length, mostRowsADay);
  let sent = alreadySent;
  for (let day = 1; day <= mostDays; day += 1) {
    const missing = day * rowsADay - sent;
    if (missing > 0) {
      await production.send(takeRows(story.drifted, sent, missing), {
        perSecond: requestsPerSecond,
        user: (index) => mailbox(sent + index, story),
      });
      sent += missing;
    }
    const now = await reviewQueue(desk, rowsADay);
    progress.say(`Day ${day}: ${now.corrected} rows reviewed, ${now.counted} of ${story.minCorrected} corrected.`);
    if (isEnough(desk, now)) {
      await waitFor({ what: 'the incident to trigger a retrain', timeoutMs: 120_000, signal }, async () =>
        isTriggered(await readIncident(desk)) ? true : undefined,
      );
      return;
    }
  }
  const { counted } = await readIncident(desk);
  throw new StoryEnded(
    `After ${mostDays} days of drifted traffic ${counted} of ${story.minCorrected} rows are corrected: ` +
      'the model is wrong too seldom for this story.',
  );
}

/** Waits for what the retrain comes to. Throws when it ends in anything but a new champion. */
export async function awaitPromotion(
  { story, api, signal }: Scene,
  before: string,
): Promise<{ version: string; gates: GateView[] }> {
  return waitFor({ what: 'the retrain to end in a promotion', timeoutMs: 300_000, everyMs: 300, signal }, async () => {
    const champion = await api.champion(story.model);
    if (champion !== undefined && champion.version !== before) return champion;
    const incident = await api.incident(story.model);
    if (incident?.state === 'collecting' && endedRun(incident.reason)) {
      throw new StoryEnded(`The retrain did not end in a promotion: ${incident.reason ?? ''}.`);
    }
    if (incident?.state === 'closed') throw new StoryEnded(`The incident is closed: ${incident.reason ?? ''}.`);
    return undefined;
  });
}

/** `count` rows from `start` on, from the first again after the last. */
function takeRows(rows: readonly TrafficRow[], start: number, count: number): TrafficRow[] {
  return Array.from({ length: count }, (_, index) => rows[(start + index) % rows.length]).filter(
    (row) => row !== undefined,
  );
}

/** Every mail has a reader of its own: the rows of one user would count as one. */
function mailbox(sent: number, { drifted }: DemoStory): string {
  return `mailbox-${1 + Math.floor(sent / drifted.length)}-${sent % drifted.length}`;
}
