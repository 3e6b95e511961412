import { ActivityFailure, ApplicationFailure, defineQuery, patched, setHandler } from '@temporalio/workflow';
import type { LookResult, MonitorVerdict } from '../activities/watch.ts';
import { workflowId } from '../src/temporal.ts';
import { bulk, quick } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

export interface DriftWatchResult {
  /**
   * drift: an incident is open because of this look. warning: drift, by a monitor that only warns. unknown: not enough
   * data to say. down: the endpoint gave no answer.
   */
  status: 'clean' | 'drift' | 'warning' | 'unknown' | 'down';
  monitors: MonitorVerdict[];
  incident?: string;
}

export const driftWatchState = defineQuery<DriftWatchResult | { status: 'looking' }>('state');

export interface DriftWatchInput {
  model: string;
  /** Probes the gold set whether it is due or not. */
  now?: boolean;
}

/**
 * One look at a model in production: the gold set re-run against the live endpoint, and the confidence and feedback of
 * production traffic. When the gold set is half way to an alarm it is asked again at once. A detection opens an incident,
 * or joins the open one, and makes sure that its driftResponse runs; or only warns, as the configuration has it.
 */
export async function driftWatch({ model, now = false }: DriftWatchInput): Promise<DriftWatchResult> {
  let state: DriftWatchResult | { status: 'looking' } = { status: 'looking' };
  setHandler(driftWatchState, () => state, { description: 'What each monitor said' });
  showInList({ model, trigger: 'schedule', phase: 'probe' });
  showOnPage(`${model}: asking the gold set, then judging the monitors`, {});

  let look: LookResult = await quick.judgeMonitors({ model, ...(await probeGold(model, now)) });
  if (look.confirm && patched('confirming-probe')) {
    const second = await quick.judgeMonitors({ model, confirming: true, ...(await probeGold(model, true)) });
    look = joinLooks(look, second);
  }
  const { monitors, incident, version, console } = look;
  if (incident !== null) await quick.startDriftResponse({ model, incident });

  const status = worstState(monitors);
  state = { status, monitors, ...(incident === null ? {} : { incident }) };
  showInList({ model, phase: status, version });
  showOnPage(
    `${model}: ${monitors.length === 0 ? 'no champion is deployed' : status}`,
    {
      champion: version ?? '–',
      ...(incident === null ? {} : { incident: workflowId.driftResponse(model, incident) }),
    },
    {
      console,
      tables: [
        {
          title: 'Monitors',
          head: ['monitor', 'says', 'because'],
          rows: monitors.map(({ monitor, state: verdict, reason }) => [monitor, verdict, reason]),
        },
      ],
      next:
        incident === null
          ? [{ text: 'overview', to: ['overview'] }]
          : [{ text: 'incident', to: ['incidents', incident] }],
    },
  );
  return state;
}

/** A gold set that cannot be asked must not keep the other monitors from looking. */
async function probeGold(model: string, now: boolean): Promise<{ goldRun?: string; goldProblem?: string }> {
  try {
    const probe = await bulk.infer({ model, source: 'probe', cases: 'gold', ...(now ? { now } : {}) });
    return probe === null ? {} : { goldRun: probe.id };
  } catch (error) {
    if (!(error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)) throw error;
    return { goldProblem: error.cause.message };
  }
}

/** The second verdict of a monitor stands in for the first. */
function joinLooks(first: LookResult, second: LookResult): LookResult {
  const judgedAgain = new Set(second.monitors.map(({ monitor }) => monitor));
  const monitors = [...second.monitors, ...first.monitors.filter(({ monitor }) => !judgedAgain.has(monitor))];
  return { ...second, monitors, incident: first.incident ?? second.incident, confirm: false };
}

/** Missing data is a state of its own: a look is clean only when some monitor says so and none says otherwise. */
function worstState(monitors: readonly MonitorVerdict[]): DriftWatchResult['status'] {
  const said = (state: MonitorVerdict['state']) => monitors.filter((monitor) => monitor.state === state);
  if (said('drift').some(({ action }) => action !== 'warn')) return 'drift';
  if (said('down').length > 0) return 'down';
  if (said('drift').length > 0) return 'warning';
  return said('clean').length > 0 ? 'clean' : 'unknown';
}
