import { WorkflowFailedError, type Client } from '@temporalio/client';
import type { Command } from 'commander';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { sendTrigger } from '../../src/retrain/send-trigger.ts';
import { taskQueue, workflowId, type RetrainFinished } from '../../src/temporal.ts';
import { startDetails } from '../../src/temporal-details.ts';
import { modelSettings } from '../deploy.ts';
import { connectTemporal, type Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';
import { tellWithoutWorker, waitsForWorker } from './slow-answer.ts';
import { actor } from './versions.ts';

interface Options {
  model: string;
  reason?: string;
  wait?: boolean;
  json?: boolean;
}

type RollBack = (input: object) => Promise<{ version: string; from: string }>;

/** `retrain` and `rollback`: what a person asks of the workflows. */
export function addWorkflowCommands(program: Command): void {
  program
    .command('retrain')
    .description('ask for a retrain; it joins the next run when one is under way')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .option('--wait', 'wait for the outcome')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<Options>(command, retrain));

  program
    .command('rollback')
    .description('let the version serve again that served before the champion')
    .requiredOption('--model <name>', 'a model of relearn.yaml')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<Options>(command, rollBack));
}

async function retrain(runtime: Runtime, { model, wait, json }: Options): Promise<void> {
  modelSettings(runtime, model);
  await withClient(runtime, async (client) => {
    await sendTrigger(client.workflow, model, { kind: 'manual', by: actor() });
    if (wait !== true) {
      report(json, { model, requested: true }, () => `Asked for. It shows as ${workflowId.retrain(model)}.`);
      return;
    }
    const handle = client.workflow.getHandle<() => Promise<RetrainFinished>>(workflowId.retrain(model));
    const outcome = await tellWithoutWorker(outcomeOf(handle.result()), () => waitsForWorker(handle));
    report(json, { model, ...outcome }, () => `Run ${outcome.run} ended ${outcome.status}: ${outcome.reason ?? ''}`);
  });
}

async function rollBack(runtime: Runtime, { model, reason, json }: Options): Promise<void> {
  modelSettings(runtime, model);
  await withClient(runtime, async (client) => {
    const handle = await client.workflow.start<RollBack>('rollback', {
      ...{ workflowId: workflowId.rollback(model), taskQueue, workflowIdConflictPolicy: 'USE_EXISTING' },
      args: [{ model, by: actor(), reason }],
      staticSummary: `${model}: back to the version before`,
      staticDetails: startDetails.rollback,
    });
    const result = await tellWithoutWorker(outcomeOf(handle.result()), () => waitsForWorker(handle));
    report(json, { model, ...result }, () => `${model} ${result.version} serves again, in place of ${result.from}.`);
  });
}

/** Runs `work` with a Temporal client, and closes it. */
export async function withClient<Result>(runtime: Runtime, work: (client: Client) => Promise<Result>): Promise<Result> {
  const { client, connection } = await connectTemporal(runtime.environment);
  try {
    return await work(client);
  } finally {
    await connection.close();
  }
}

/** The result of a workflow, or its failure in one sentence. */
export async function outcomeOf<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    let cause: Error = error;
    while (cause.cause instanceof Error) cause = cause.cause;
    throw new RelearnError('workflow_failed', errorMessage(cause), { cause: error });
  }
}
