import { joinParts } from '../src/serve/batch-folder.ts';
import { planBatch, type BatchPlan } from '../src/serve/batch-plan.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';
import { ownWorkflow } from './infer.ts';

/** What comes before and after `infer` when it answers a batch of prompts: here the answers are the outcome, in files. */
export function createInferBatchActivities({ db }: ActivityDependencies) {
  return {
    /** Looks through the batch. Throws `invalid_arguments` or `invalid_rows`, before anything is answered. */
    async planInference(input: unknown): Promise<BatchPlan> {
      return withHeartbeat(() => planBatch(db, ownWorkflow(), input));
    },
    /** Makes one file of all parts, in the order of the prompts. */
    async joinInference({ output, parts }: { output: string; parts: number }): Promise<{ file: string }> {
      return withHeartbeat(async () => ({ file: await joinParts(output, parts) }));
    },
  };
}
