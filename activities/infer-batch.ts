import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { answerChunk, type Chunk, type ChunkOutcome } from '../src/serve/answer-chunk.ts';
import { joinParts } from '../src/serve/batch-folder.ts';
import { planBatch, type BatchPlan } from '../src/serve/batch-plan.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

/**
 * Inference over batches of prompts. Apart from `infer`, which scores configured cases and stores the score: here the
 * answers are the outcome, in files, and a chunk that runs twice leaves the same part and the same log rows.
 */
export function createInferBatchActivities({ db, answerer, writer }: ActivityDependencies) {
  return {
    /** Looks through the batch. Throws `invalid_arguments` or `invalid_rows`, before anything is answered. */
    async planInference(input: unknown): Promise<BatchPlan> {
      return withHeartbeat(() => planBatch(db, ownWorkflow(), input));
    },
    /** Answers the next prompts, sees their rows stored, and writes them as one part. */
    async inferChunk(chunk: Chunk): Promise<ChunkOutcome> {
      return withHeartbeat(async () => {
        const flushLog = () => writer.flush();
        return answerChunk({ db, answerer, flushLog, signal: cancellationSignal() }, ownWorkflow(), chunk);
      });
    },
    /** Makes one file of all parts, in the order of the prompts. */
    async joinInference({ output, parts }: { output: string; parts: number }): Promise<{ file: string }> {
      return withHeartbeat(async () => ({ file: await joinParts(output, parts) }));
    },
  };
}

function ownWorkflow(): string {
  return activityInfo().workflowExecution?.workflowId ?? '';
}
