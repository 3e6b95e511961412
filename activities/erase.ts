import { activityInfo, getClient } from '@temporalio/activity';
import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { removeDrafts } from '../src/convert/drafts.ts';
import { reviseDatasets, type Revision } from '../src/convert/revise.ts';
import { forgetTyped } from '../src/correct/typed-corrections.ts';
import {
  beginErasure,
  deleteUserRows,
  findUserRows,
  findWorkflowsOfUser,
  finishErasure,
  type ErasureReceipt,
} from '../src/log/erase-rows.ts';
import { deleteTaintedAnswers, listTaintedChampions, taintVersions } from '../src/promote/taint.ts';
import { sendTrigger } from '../src/retrain/send-trigger.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export function createEraseActivities({ config, db, datasetDirectory }: ActivityDependencies) {
  return {
    /** Notes the user's requests. Answers how many there are, and the workflows that may hold text of them as typed. */
    async findUserRows({ user, by }: { user: string; by: string }): Promise<{ requests: number; workflows: string[] }> {
      return withHeartbeat(async () => {
        await beginErasure(db, user, by);
        const requests = await findUserRows(db, user);
        return { requests, workflows: await findWorkflowsOfUser(db, user) };
      });
    },

    /** Workflows that took text of the user's rows by now. Those that are told by a tag are found before the rows are gone. */
    async findWorkflows({ user }: { user: string }): Promise<string[]> {
      return withHeartbeat(() => findWorkflowsOfUser(db, user));
    },

    /** Replaces every dataset that learned from rows of the user, and marks the versions that were made from one of them. */
    async reviseDatasets({ user }: { user: string }): Promise<{ datasets: Revision[]; tainted: string[] }> {
      return withHeartbeat(async (tell) => {
        await removeDrafts(datasetDirectory);
        const erased = { userIdHash: user, directory: datasetDirectory };
        const datasets = await reviseDatasets(db, erased, (revised) => tell({ revised }));
        const tainted = await taintVersions(
          db,
          datasets.map(({ id }) => id),
        );
        return { datasets, tainted: tainted.map(({ model, version }) => `${model}/${version}`) };
      });
    },

    /**
     * Deletes the user's rows; what a gateway still held when they were noted is found again first. What tainted
     * versions answered to our own questions goes with them.
     */
    async deleteUserRows({ user }: { user: string }): Promise<Record<string, number>> {
      return withHeartbeat(async (tell) => {
        await findUserRows(db, user);
        await deleteTaintedAnswers(db);
        return deleteUserRows(db, user, tell);
      });
    },

    /** Deletes the closed runs of these workflows. Answers how many were deleted and which workflows still run. */
    async deleteClosedRuns({ workflows }: { workflows: string[] }): Promise<{ deleted: number; open: string[] }> {
      return withHeartbeat(async () => {
        const client = getClient();
        const { namespace } = activityInfo();
        let deleted = 0;
        const open: string[] = [];
        for (const id of workflows) {
          const runs = await listRuns(client, id);
          if ([...runs.values()].includes('RUNNING')) open.push(id);
          for (const [runId, status] of runs) {
            if (status === 'RUNNING') continue;
            const workflowExecution = { workflowId: id, runId };
            await client.workflowService
              .deleteWorkflowExecution({ namespace, workflowExecution })
              .then(() => (deleted += 1), throwUnlessGone);
          }
          if (!open.includes(id)) await forgetTyped(db, id);
        }
        return { deleted, open };
      });
    },

    /** Asks for a retrain of each model whose champion is tainted, where the configuration says so. Answers which. */
    async retrainTainted({ tainted }: { tainted: string[] }): Promise<string[]> {
      const champions = await listTaintedChampions(db, Object.keys(config.models));
      const wanted = champions.filter(
        ({ model, version }) => tainted.includes(`${model}/${version}`) && config.models[model]?.retrain.afterErasure,
      );
      for (const { model } of wanted) {
        await sendTrigger(getClient().workflow, model, { kind: 'manual', by: 'erasure' });
      }
      return wanted.map(({ model }) => model);
    },

    async finishErasure({ user, receipt }: { user: string; receipt: ErasureReceipt }): Promise<void> {
      await finishErasure(db, user, receipt);
    },
  };
}

/** Status by run id. The list may lag behind what just closed, so the latest run is asked for by name as well. */
async function listRuns(client: Client, id: string): Promise<Map<string, string>> {
  const runs = new Map<string, string>();
  for await (const { runId, status } of client.workflow.list({ query: `WorkflowId = '${id}'` })) {
    runs.set(runId, status.name);
  }
  try {
    const { runId, status } = await client.workflow.getHandle(id).describe();
    runs.set(runId, status.name);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  return runs;
}

/** gRPC's code of it. */
const notFound = 5;

/** A run that an attempt before this one deleted may still be listed. */
function throwUnlessGone(error: unknown): void {
  const code: number | undefined = isGrpcServiceError(error) ? error.code : undefined;
  if (code !== notFound) throw error;
}
