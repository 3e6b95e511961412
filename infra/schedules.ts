import { createHash } from 'node:crypto';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import type { Config, ModelConfig } from '../src/config.ts';
import type { PayloadKey } from '../src/payload/keys.ts';
import { clipSummary, scheduleId, taskQueue } from '../src/temporal.ts';
import { startDetails } from '../src/temporal-details.ts';

type Desired = ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>>;

/** What `reconcileSchedules` did, by schedule id. */
export interface Reconciled {
  created: string[];
  changed: string[];
  deleted: string[];
}

const ours = /^(drift-watch\/|cluster-watch\/|tag-rules\/|retrain-cadence\/|log-retention$)/;

/**
 * Makes the Schedules on the server those of the configuration: creates what is missing, changes what differs, deletes
 * what is extra. What an operator paused stays paused, and an unchanged configuration undoes no edit made in the UI.
 * `keys`: what the client encrypts with. With another first key they are made anew: a schedule is read for years.
 */
export async function reconcileSchedules(
  client: Client,
  config: Config,
  keys: readonly PayloadKey[] = [],
): Promise<Reconciled> {
  const desired = desiredSchedules(config).map((schedule) => sealed(schedule, keys[0]?.id));
  const done: Reconciled = { created: [], changed: [], deleted: [] };
  for (const schedule of desired) {
    try {
      await client.schedule.create(schedule);
      done.created.push(schedule.scheduleId);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      if (await changeSchedule(client, schedule)) done.changed.push(schedule.scheduleId);
    }
  }
  const wanted = new Set(desired.map((schedule) => schedule.scheduleId));
  for await (const { scheduleId: found } of client.schedule.list()) {
    if (!ours.test(found) || wanted.has(found)) continue;
    await deleteSchedule(client, found);
    done.deleted.push(found);
  }
  return done;
}

async function changeSchedule(client: Client, desired: Desired): Promise<boolean> {
  const handle = client.schedule.getHandle(desired.scheduleId);
  const { memo } = await handle.describe();
  if (memo?.['settings'] === desired.memo?.['settings']) return false;
  // The memo of a schedule cannot be updated, so a changed schedule is made anew, with its pause kept.
  const { state } = await handle.describe();
  await handle.delete();
  await client.schedule.create({
    ...desired,
    state: { paused: state.paused, ...(state.note ? { note: state.note } : {}) },
  });
  return true;
}

async function deleteSchedule(client: Client, id: string): Promise<void> {
  try {
    await client.schedule.getHandle(id).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

function desiredSchedules(config: Config): Desired[] {
  return [
    everyInterval(scheduleId.logRetention, 'logRetention', 3600, [], 'partitions ahead, old ones dropped'),
    ...Object.entries(config.models).flatMap(([model, settings]) => modelSchedules(model, settings)),
  ];
}

function modelSchedules(model: string, { drift, retrain, tags }: ModelConfig): Desired[] {
  const watch = everyInterval(
    scheduleId.driftWatch(model),
    'driftWatch',
    drift.everySeconds,
    [{ model }],
    `${model}: is it worse than it was?`,
  );
  const clusters = everyInterval(
    scheduleId.clusterWatch(model),
    'clusterWatch',
    retrain.clusterEverySeconds,
    [{ model }],
    `${model}: what fails alike, and is it corrected?`,
  );
  const rules = everyInterval(
    scheduleId.tagRules(model),
    'tagRules',
    tags.rulesEverySeconds,
    [{ model }],
    `${model}: tags.rules`,
  );
  return [
    watch,
    ...(tags.rules.length > 0 ? [rules] : []),
    clusters,
    ...(retrain.cadence === undefined ? [] : [cadence(model, retrain.cadence)]),
  ];
}

/** What a Schedule starts. */
type Started = 'logRetention' | 'driftWatch' | 'clusterWatch' | 'tagRules' | 'requestRetrain';

function everyInterval(id: string, workflow: Started, seconds: number, args: unknown[], summary: string): Desired {
  return {
    scheduleId: id,
    spec: { intervals: [{ every: seconds * 1000 }] },
    action: action(id, workflow, args, summary),
    // A look that is missed is not worth two: after a downtime one is enough.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10m' },
  };
}

function cadence(model: string, cron: string): Desired {
  const id = scheduleId.retrainCadence(model);
  return {
    scheduleId: id,
    spec: { cronExpressions: [cron], jitter: '10m' },
    action: action(id, 'requestRetrain', [{ model }], `${model}: retrain by cadence`),
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ONE, catchupWindow: '2d' },
  };
}

function action(id: string, workflowType: Started, args: unknown[], staticSummary: string): Desired['action'] {
  return {
    ...{ type: 'startWorkflow', workflowId: id, workflowType, taskQueue, args },
    staticSummary: clipSummary(staticSummary),
    staticDetails: startDetails[workflowType],
  };
}

/** The fingerprint of the settings tells a changed configuration from an edit made in the UI. */
function sealed(schedule: Desired, keyId: string | undefined): Desired {
  const settings = createHash('sha256')
    .update(JSON.stringify(schedule) + (keyId ?? ''))
    .digest('hex')
    .slice(0, 16);
  return { ...schedule, memo: { settings } };
}
