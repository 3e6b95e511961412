import { activityInfo, getClient } from '@temporalio/activity';
import type { ModelConfig } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { listChampions, type Champion } from '../src/promote/registry.ts';
import { countTag, markTagTriggered } from '../src/watch/clusters.ts';
import { judgeGoldRun, wantsConfirmation } from '../src/watch/gold-monitor.ts';
import { goldLogThreshold, goldPlan } from '../src/watch/gold-plan.ts';
import { getGoldRun, goldBaseline } from '../src/watch/gold-runs.ts';
import { getIncident, openIncident } from '../src/watch/incidents.ts';
import { percent, unknownJudgement } from '../src/watch/judgement.ts';
import type { Judgement, MonitorName, MonitorState } from '../src/watch/judgement.ts';
import { judgeTraffic } from '../src/watch/judge-traffic.ts';
import { actionOf, type MonitorAction } from '../src/watch/monitor-action.ts';
import { startDriftResponse } from '../src/watch/start-response.ts';
import { carriedFigures, recordVerdict, sawDrift } from '../src/watch/verdicts.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface MonitorVerdict {
  monitor: MonitorName;
  state: MonitorState;
  reason: string;
  /** What a detection of this monitor does. */
  action: MonitorAction;
}

export interface LookInput {
  model: string;
  /** The probe of the gold set, where one was made; or why there is none. */
  goldRun?: string;
  goldProblem?: string;
  /** The second probe of this look: only the gold set is judged. */
  confirming?: boolean;
}

export interface LookResult {
  monitors: MonitorVerdict[];
  incident: string | null;
  /** The gold set is half way to an alarm: a second probe is wanted at once. */
  confirm: boolean;
  /** The champion that was looked at. */
  version?: string;
  /** Where people open the console. */
  console?: string;
}

/** Newly corrected rows of a watched tag. */
export interface ClusterCount {
  tag: string;
  corrected: number;
  threshold: number;
  /** The newest correction among them. */
  upToSeq: number;
}

export function createWatchActivities({ config, db, logger, consoleUrl }: ActivityDependencies) {
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
    if (probe.modelVersion !== version)
      return unknownJudgement(`The probe asked ${probe.modelVersion}, ${version} serves now.`);
    const baseline = await goldBaseline(db, { model, modelVersion: version, goldSha256: probe.goldSha256 });
    const { logStatistic } = await carriedFigures(db, { model, modelVersion: version, monitor: 'gold_set' }, look);
    if (probe.purpose === 'baseline' && probe.state === 'ok') {
      const { passed, cases, repeats } = baseline ?? { ...probe, repeats: 1 };
      const reason = `The baseline is taken: ${percent(passed / cases)} of ${cases} cases pass, asked ${repeats} times.`;
      return unknownJudgement(reason, logStatistic === undefined ? {} : { logStatistic });
    }
    return judgeGoldRun({
      ...{ baseline, probe: probe.state === 'down' ? 'down' : probe, margin: settings.drift.goldSet.margin },
      ...{ logThreshold: goldLogThreshold(settings), previousLogStatistic: logStatistic },
    });
  }

  return {
    /**
     * What each monitor says at this look. A detection opens an incident or joins the open one, or is logged as a
     * warning, as the configuration has it. Run twice, it counts the look once. A model without a champion has no
     * monitors.
     */
    async judgeMonitors({ model, goldRun, goldProblem, confirming = false }: LookInput): Promise<LookResult> {
      const settings = settingsOf(model);
      const [champion] = await listChampions(db, [model]);
      if (champion === undefined) return { monitors: [], incident: null, confirm: false };
      const run = activityInfo().workflowExecution?.runId ?? '';
      const look = confirming ? `${run}/confirming` : run;
      const at = new Date();
      const { hotWindowHours } = config.log;
      const judgements = new Map<MonitorName, Judgement>();
      if (goldProblem !== undefined) judgements.set('gold_set', unknownJudgement(goldProblem));
      if (goldRun !== undefined) judgements.set('gold_set', await judgeGold(champion, goldRun, settings, look));
      if (!confirming) {
        const traffic = await judgeTraffic(db, { champion, settings, hotWindowHours, at, look });
        for (const [monitor, judgement] of traffic) judgements.set(monitor, judgement);
      }
      const monitors: MonitorVerdict[] = [];
      let incident: string | null = null;
      for (const [monitor, judgement] of judgements) {
        const action = actionOf(settings, monitor);
        const verdictOf = { model, modelVersion: champion.version, monitor };
        const saidBefore = action === 'warn' && (await sawDrift(db, verdictOf, look));
        const { state, figures } = await recordVerdict(db, { ...verdictOf, look, at, action }, judgement);
        monitors.push({ monitor, state, reason: judgement.reason, action });
        if (state !== 'drift') continue;
        if (action === 'warn') {
          if (saidBefore) continue; // it may be drift at every look until the next version
          logger.warn({ ...verdictOf, effect: judgement.effect }, 'drift seen by a monitor that only warns');
          continue;
        }
        const { windowHours } = settings.drift;
        const detection = { ...verdictOf, detectedAt: at, figures, windowHours, hotWindowHours };
        ({ id: incident } = await openIncident(db, { ...detection, eventId: `${look}/${monitor}` }));
      }
      const confirm = !confirming && goldPlan(settings).confirms && isHalfWay(judgements.get('gold_set'), settings);
      return { monitors, incident, confirm, version: champion.version, console: consoleUrl };
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

function isHalfWay(gold: Judgement | undefined, settings: ModelConfig): boolean {
  const logStatistic = gold?.figures['logStatistic'];
  if (gold?.state !== 'clean' || typeof logStatistic !== 'number') return false;
  return wantsConfirmation({ state: gold.state, logStatistic }, goldLogThreshold(settings));
}
