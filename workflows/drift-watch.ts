import { ActivityFailure, ApplicationFailure, defineQuery, setHandler } from '@temporalio/workflow';
import type { MonitorVerdict } from '../activities/watch.ts';
import { bulk, quick } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

export interface DriftWatchResult {
  /** drift: an incident is open because of this look. unknown: not enough data to say. down: no answer. */
  status: 'clean' | 'drift' | 'unknown' | 'down';
  monitors: MonitorVerdict[];
  incident?: string;
}

export const driftWatchState = defineQuery<DriftWatchResult | { status: 'looking' }>('state');

/**
 * One look at a model in production: the gold set re-run against the live endpoint, and the confidence of production
 * traffic. A detection opens an incident, or joins the open one, and makes sure that its driftResponse runs.
 */
export async function driftWatch({ model }: { model: string }): Promise<DriftWatchResult> {
  let state: DriftWatchResult | { status: 'looking' } = { status: 'looking' };
  setHandler(driftWatchState, () => state, { description: 'What each monitor said' });
  showInList({ model, trigger: 'schedule', phase: 'probe' });

  const { monitors, incident } = await quick.judgeMonitors({ model, ...(await probeGold(model)) });
  if (incident !== null) await quick.startDriftResponse({ model, incident });

  const status = worstState(monitors);
  state = { status, monitors, ...(incident === null ? {} : { incident }) };
  showInList({ model, phase: status });
  showOnPage(
    monitors.length === 0
      ? `${model}: no champion is deployed`
      : incident === null
        ? `${model}: ${status}`
        : `${model}: drift, see drift-response/${model}/${incident}`,
    Object.fromEntries(monitors.map(({ monitor, state: verdict, reason }) => [monitor, `${verdict}: ${reason}`])),
  );
  return state;
}

/** A gold set that cannot be asked must not keep the other monitors from looking. */
async function probeGold(model: string): Promise<{ goldRun?: string; goldProblem?: string }> {
  try {
    const probe = await bulk.infer({ model, source: 'probe', cases: 'gold' });
    return probe === null ? {} : { goldRun: probe.id };
  } catch (error) {
    if (!(error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)) throw error;
    return { goldProblem: error.cause.message };
  }
}

/** Missing data is a state of its own: a look is clean only when some monitor says so and none says otherwise. */
function worstState(monitors: readonly MonitorVerdict[]): DriftWatchResult['status'] {
  for (const state of ['drift', 'down', 'clean'] as const) {
    if (monitors.some((monitor) => monitor.state === state)) return state;
  }
  return 'unknown';
}
