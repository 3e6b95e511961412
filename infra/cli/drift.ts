import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { RelearnError } from '../../src/errors.ts';
import { readPack } from '../../src/gate/pack.ts';
import { listChampions } from '../../src/promote/registry.ts';
import { scheduleId, taskQueue } from '../../src/temporal.ts';
import { expectedDelay } from '../../src/watch/expected-delay.ts';
import type { GoldBaseline } from '../../src/watch/gold-monitor.ts';
import { goldLogThreshold, goldPlan } from '../../src/watch/gold-plan.ts';
import { goldBaseline } from '../../src/watch/gold-runs.ts';
import { getIncident } from '../../src/watch/incidents.ts';
import { driftEvent, isOver, reportDrift } from '../../src/watch/report-drift.ts';
import { startDriftResponse } from '../../src/watch/start-response.ts';
import type { DriftWatchResult } from '../../workflows/drift-watch.ts';
import { modelSettings } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';
import { actor } from './versions.ts';
import { outcomeOf, withClient } from './workflows.ts';

interface CheckOptions {
  model: string;
  json?: boolean;
}

interface ReportOptions extends CheckOptions {
  eventId: string;
  reason?: string;
  detectedAt?: string;
  monitor?: string;
}

/** How soon the gold set would show a drop of the pass rate. */
interface Delay {
  points: number;
  /** Null: half of all such drops take more than 500 looks. */
  looks: number | null;
  hours: number | null;
}

/** `drift check` and `drift report`. */
export function addDriftCommands(program: Command): void {
  const drift = program.command('drift').description('look at a model in production, or report drift seen elsewhere');
  drift
    .command('check')
    .description('look now: what each monitor says, and how soon the gold set would show a drop')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<CheckOptions>(command, checkDrift));
  drift
    .command('report')
    .description('report what a detector of your own saw (deployment_drift_detected): opens or joins an incident')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .requiredOption('--event-id <id>', "the detector's id of what it saw: the same one again changes nothing")
    .requiredOption('--reason <text>', 'what was seen; stored redacted')
    .option('--detected-at <time>', 'when, in ISO 8601 with a time zone (default: now)')
    .option('--monitor <name>', 'name of the detector (default: external)')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<ReportOptions>(command, reportEvent));
}

async function checkDrift(runtime: Runtime, { model, json }: CheckOptions): Promise<void> {
  modelSettings(runtime, model);
  await withClient(runtime, async (client) => {
    const look = await outcomeOf(
      client.workflow.execute<(input: object) => Promise<DriftWatchResult>>('driftWatch', {
        workflowId: `${scheduleId.driftWatch(model)}/by-hand-${randomUUID()}`,
        ...{ taskQueue, args: [{ model, now: true }], staticSummary: `${model}: a look by hand` },
      }),
    );
    const delays = await goldDelays(runtime, model);
    report(json, { model, ...look, expectedDelays: delays }, () =>
      [
        `${model}: ${look.status}`,
        ...look.monitors.map(({ monitor, state, reason, action }) => {
          return `  ${monitor}: ${state}${action === 'warn' ? ' (warns only)' : ''}. ${reason}`;
        }),
        ...delays.map(describeDelay),
      ].join('\n'),
    );
  });
}

/** By simulation of the test with this baseline, these cases and this threshold; empty without a gold set or baseline. */
async function goldDelays({ config, db }: Runtime, model: string): Promise<Delay[]> {
  const settings = config.models[model];
  const [champion] = await listChampions(db, [model]);
  if (settings?.drift.gold === undefined || champion === undefined) return [];
  const { sha256, cases } = await readPack(settings.drift.gold);
  const baseline = await goldBaseline(db, { model, modelVersion: champion.version, goldSha256: sha256 });
  if (baseline === null) return [];
  const plan = goldPlan(settings);
  return [10, 5].map((points) => {
    const looks = delayIn(settings, baseline, Math.min(plan.cases ?? cases.length, cases.length), points / 100);
    return { points, looks, hours: looks === null ? null : (looks * plan.everySeconds) / 3600 };
  });
}

function delayIn(settings: Runtime['config']['models'][string], baseline: GoldBaseline, cases: number, drop: number) {
  const { margin, confirms } = goldPlan(settings);
  return expectedDelay({ baseline, cases, margin, confirms, logThreshold: goldLogThreshold(settings) }, drop);
}

function describeDelay({ points, looks, hours }: Delay): string {
  const drop = `  A drop of the gold set's pass rate by ${points} points`;
  if (looks === null || hours === null)
    return `${drop} would most likely not be seen within 500 looks: use more cases.`;
  const time = hours < 2 ? `${Math.round(hours * 60)} minutes` : `${Math.round(hours)} hours`;
  return `${drop} would be seen after ${looks} look${looks === 1 ? '' : 's'} (${time}), in the median.`;
}

async function reportEvent(runtime: Runtime, options: ReportOptions): Promise<void> {
  const { model, eventId, reason, detectedAt, monitor, json } = options;
  const settings = modelSettings(runtime, model);
  const parsed = driftEvent.safeParse({ model, event_id: eventId, detected_at: detectedAt, monitor, reason });
  if (!parsed.success) {
    const [problem] = parsed.error.issues;
    throw new RelearnError(
      'invalid_arguments',
      `${problem?.path.join('.') ?? 'event'}: ${problem?.message ?? 'wrong'}.`,
    );
  }
  const reported = await reportDrift(runtime.db, runtime.config, parsed.data, { name: actor(), key: null });
  if (!isOver(reported)) {
    const incident = await getIncident(runtime.db, reported.incident);
    await withClient(runtime, (client) => startDriftResponse(client.workflow, incident, settings));
  }
  report(json, { model, ...reported }, () => {
    const how = reported.created ? 'opened' : 'known already, or joined';
    return `Incident ${reported.incident} (${how}) is ${reported.state}.`;
  });
}
