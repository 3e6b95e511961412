import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Database } from '../src/database.ts';
import { listRunning } from '../src/retrain/runs.ts';
import { workflowId } from '../src/temporal.ts';

const phaseKey = defineSearchAttributeKey('RelearnPhase', SearchAttributeType.KEYWORD);
const versionKey = defineSearchAttributeKey('RelearnVersion', SearchAttributeType.KEYWORD);

/** A retrain run whose candidate waits for a person. */
export interface WaitingRun {
  model: string;
  run: number;
  candidate: string | null;
}

/** The retrain runs of the models that wait for a person to approve. Needs no worker. Throws when Temporal is away. */
export async function listWaitingRuns(client: Client, db: Database, models: readonly string[]): Promise<WaitingRun[]> {
  const running = await listRunning(db, models);
  const told = await Promise.all(running.map(async (run) => ({ ...run, ...(await describeRun(client, run)) })));
  return told
    .filter(({ phase }) => phase === 'approve')
    .map(({ model, run, candidate }) => ({ model, run, candidate }));
}

const nothingShown = { phase: null, candidate: null };

/** As the Temporal UI lists it. */
async function describeRun(
  client: Client,
  { model, run }: { model: string; run: number },
): Promise<{ phase: string | null; candidate: string | null }> {
  try {
    const described = await client.workflow.getHandle(workflowId.retrainRun(model, run)).describe();
    if (described.status.name !== 'RUNNING') return nothingShown;
    const { typedSearchAttributes: shown } = described;
    return { phase: shown.get(phaseKey) ?? null, candidate: shown.get(versionKey) ?? null };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return nothingShown; // a rollout that a person began
  }
}

/** What a person types to decide about it. */
export function decidedBy({ model, run }: WaitingRun): { approve: string; reject: string } {
  const rest = `--model ${model} --run ${run} --reason "…"`;
  return { approve: `relearn approve ${rest}`, reject: `relearn reject ${rest}` };
}
