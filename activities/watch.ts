import { activityInfo, getClient } from '@temporalio/activity';
import type { ModelConfig } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { listChampions, type Champion } from '../src/promote/registry.ts';
import { lowConfidenceThreshold } from '../src/serve/load.ts';
import { readCensus, takeReference } from '../src/watch/census.ts';
import { countTag, markTagTriggered } from '../src/watch/clusters.ts';
import { judgeConfidence, windowSizes } from '../src/watch/confidence-monitor.ts';
import { judgeGoldRun } from '../src/watch/gold-monitor.ts';
import { getGoldRun, goldBaseline } from '../src/watch/gold-runs.ts';
import { getIncident, openIncident } from '../src/watch/incidents.ts';
import type { Judgement, MonitorState } from '../src/watch/judgement.ts';
import { startDriftResponse } from '../src/watch/start-response.ts';
import { previousLogStatistic, recordVerdict } from '../src/watch/verdicts.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface MonitorVerdict {
  monitor: 'gold_set' | 'confidence';
  state: MonitorState;
  reason: string;
}

/** Newly corrected rows of a watched tag. */
export interface ClusterCount {
  tag: string;
  corrected: number;
  threshold: number;
  /** The newest correction among them. */
  upToSeq: number;
}

export function createWatchActivities({ config, db }: ActivityDependencies) {
  function settingsOf(model: string): ModelConfig {
    const settings = config.models[model];
    if (settings !== undefined) return settings;
    throw new RelearnError(
      'model_not_found',
      `Model ${model} is not configured. Its schedule goes with the next start.`,
    );
  }

  async function judgeGold(champion: Champion, id: string, settings: ModelConfig, look: string): Promise<Judgement> {
    const { model, version } = champion;
    const probe = await getGoldRun(db, id);
    if (probe.modelVersion !== version) return unknown(`The probe asked ${probe.modelVersion}, ${version} serves now.`);
    const key = { model, modelVersion: version, monitor: 'gold_set' };
    const baseline = await goldBaseline(db, { model, modelVersion: version, goldSha256: probe.goldSha256 });
    return judgeGoldRun({
      baseline,
      probe: probe.state === 'down' ? 'down' : probe,
      minDrop: settings.drift.goldMinDrop,
      everySeconds: settings.drift.everySeconds,
      previousLogStatistic: await previousLogStatistic(db, key, look),
    });
  }

  async function judgeTraffic(champion: Champion, settings: ModelConfig, at: Date): Promise<Judgement> {
    const { windowRequests, referenceRequests, minIncrease } = settings.drift.confidence;
    const scope = {
      ...{ model: champion.model, modelVersion: champion.version, since: champion.since, at },
      ...{ below: lowConfidenceThreshold(settings, champion), hotWindowHours: config.log.hotWindowHours },
    };
    const reference = await takeReference(db, { ...scope, referenceRequests });
    const census = await readCensus(db, { ...scope, reference, sizes: windowSizes(windowRequests) });
    const { everySeconds } = settings.drift;
    return judgeConfidence({ reference, ...census, minIncrease, referenceRequests, windowRequests, everySeconds });
  }

  return {
    /**
     * What each monitor says at this look; a detection opens an incident or joins the open one. Run twice, it counts
     * the look once. A model without a champion has no monitors.
     */
    async judgeMonitors({
      model,
      goldRun,
      goldProblem,
    }: {
      model: string;
      goldRun?: string;
      goldProblem?: string;
    }): Promise<{
      monitors: MonitorVerdict[];
      incident: string | null;
    }> {
      const settings = settingsOf(model);
      const [champion] = await listChampions(db, [model]);
      if (champion === undefined) return { monitors: [], incident: null };
      const look = activityInfo().workflowExecution?.runId ?? '';
      const at = new Date();
      const judgements = new Map<MonitorVerdict['monitor'], Judgement>();
      if (goldProblem !== undefined) judgements.set('gold_set', unknown(goldProblem));
      if (goldRun !== undefined) judgements.set('gold_set', await judgeGold(champion, goldRun, settings, look));
      judgements.set('confidence', await judgeTraffic(champion, settings, at));
      let incident: string | null = null;
      for (const [monitor, judgement] of judgements) {
        const verdictOf = { model, modelVersion: champion.version, monitor };
        const { state, figures } = await recordVerdict(db, { ...verdictOf, look, at }, judgement);
        if (state !== 'drift') continue;
        const { windowHours } = settings.drift;
        const { hotWindowHours } = config.log;
        const detection = { ...verdictOf, detectedAt: at, figures, windowHours, hotWindowHours };
        ({ id: incident } = await openIncident(db, { ...detection, eventId: `${look}/${monitor}` }));
      }
      const monitors = [...judgements].map(([monitor, { state, reason }]) => ({ monitor, state, reason }));
      return { monitors, incident };
    },

    async startDriftResponse({ model, incident }: { model: string; incident: string }): Promise<void> {
      await startDriftResponse(getClient().workflow, await getIncident(db, incident), settingsOf(model));
    },

    /** Counts, for each configured tag, the rows corrected since its last trigger. */
    async countClusters({ model }: { model: string }): Promise<ClusterCount[]> {
      const { clusters } = settingsOf(model).retrain;
      return Promise.all(
        clusters.map(async ({ tag, minCorrected }) => ({
          ...{ tag, threshold: minCorrected },
          ...(await countTag(db, { model, tag })),
        })),
      );
    },

    async markClusterTriggered(mark: { model: string; tag: string; upToSeq: number }): Promise<void> {
      await markTagTriggered(db, mark);
    },
  };
}

function unknown(reason: string): Judgement {
  return { state: 'unknown', effect: null, reason, figures: {} };
}
