import { InvalidArgumentError, type Command } from 'commander';
import { recordAudit } from '../../src/audit.ts';
import { RelearnError } from '../../src/errors.ts';
import { decisionRequest } from '../../src/http/console-schemas.ts';
import { redactToStore } from '../../src/log/redact/index.ts';
import { modelSettings } from '../deploy.ts';
import { openReviewSignals } from '../review-signals.ts';
import type { Runtime } from '../runtime.ts';
import { listWaitingRuns, type WaitingRun } from '../waiting-runs.ts';
import { report, runWith } from './run-with.ts';
import { tellWithoutWorker } from './slow-answer.ts';
import { actor } from './versions.ts';
import { withClient } from './workflows.ts';

interface Options {
  model?: string;
  run?: number;
  by?: string;
  reason: string;
  json?: boolean;
}

const outcomes = {
  approve: 'it goes on to serve, by the steps of rollout.canary where they are configured',
  reject: 'the champion stays',
} as const;

/** `approve` and `reject`: a person decides about a candidate that has passed its gates. */
export function addApprovalCommands(program: Command): void {
  for (const decision of ['approve', 'reject'] as const) {
    program
      .command(decision)
      .description(`decide about a candidate that waits for a person: ${outcomes[decision]}`)
      .option('--model <name>', 'a model of relearn.yaml (default: that of the run that waits, if it is the only one)')
      .option('--run <number>', 'a retrain run (default: the one that waits)', readRun)
      .option('--by <name>', 'who decides (default: the user of this shell)', readName)
      .requiredOption('--reason <text>', 'why, for the record', readReason)
      .option('--json', 'report as JSON')
      .action((_: unknown, command: Command) =>
        runWith<Options>(command, (runtime, options) => decide(runtime, decision, options)),
      );
  }
}

async function decide(runtime: Runtime, decision: keyof typeof outcomes, options: Options): Promise<void> {
  const { by = actor(), json } = options;
  const { model, run, candidate } = await findWaiting(runtime, options);
  const reason = await redactToStore((redact) => redact(options.reason));
  const signals = openReviewSignals(runtime);
  try {
    // A worker that runs answers at once.
    await tellWithoutWorker(signals.decideRun(model, run, decision, { by, reason }), () => Promise.resolve(true));
  } finally {
    await signals.close();
  }
  await recordAudit(runtime.db, {
    ...{ actor: { name: by, key: null }, action: `${decision}_version`, model, details: { run, reason } },
  });
  const done = decision === 'approve' ? 'approved' : 'rejected';
  report(
    json,
    { model, run, candidate, decision },
    () => `${candidate ?? 'The candidate'} of ${model} (run ${run}) is ${done}: ${outcomes[decision]}.`,
  );
}

/** The one run that is meant. Throws `run_not_waiting` when nobody is asked, `invalid_arguments` when several wait. */
async function findWaiting(runtime: Runtime, { model, run }: Options): Promise<WaitingRun> {
  if (model !== undefined) modelSettings(runtime, model);
  const models = model === undefined ? Object.keys(runtime.config.models) : [model];
  const waiting = await withClient(runtime, (client) => listWaitingRuns(client, runtime.db, models));
  const [found, ...more] = waiting.filter((each) => run === undefined || each.run === run);
  const names = waiting.map((each) => `--model ${each.model} --run ${each.run}`).join(', ');
  if (found === undefined) {
    const who = `${run === undefined ? 'No run' : `Run ${run}`} of ${models.join(', ')}`;
    const instead = waiting.length === 0 ? '`relearn status` shows what does.' : `Waiting: ${names}.`;
    const message = `${who} ${run === undefined ? 'waits' : 'does not wait'} for a person. ${instead}`;
    throw new RelearnError('run_not_waiting', message);
  }
  if (more.length > 0) throw new RelearnError('invalid_arguments', `Several runs wait; name one: ${names}.`);
  return found;
}

function readRun(text: string): number {
  const run = Number(text);
  if (Number.isInteger(run) && run > 0) return run;
  throw new InvalidArgumentError('Wanted the number of a retrain run, as in `relearn status`.');
}

function readName(text: string): string {
  const { success, data } = decisionRequest.shape.operator.safeParse(text);
  if (success) return data;
  throw new InvalidArgumentError('Wanted 1 to 200 characters without control characters.');
}

function readReason(text: string): string {
  const { success, data } = decisionRequest.shape.reason.safeParse(text);
  if (success) return data;
  throw new InvalidArgumentError('Wanted 1 to 2000 characters.');
}
