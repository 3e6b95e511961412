import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { RelearnError, type ErrorCode } from '../src/errors.ts';
import { storeEvalRun } from '../src/gate/eval-runs.ts';
import { readCases, readCasesWithLearned, runCases, type CaseSet } from '../src/gate/run-cases.ts';
import { getChampion, listChampions } from '../src/promote/registry.ts';
import { goldBaseline, storeGoldRun } from '../src/watch/gold-runs.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export interface InferInput {
  model: string;
  /** Left out: the champion. */
  version?: string;
  source: 'probe' | 'eval';
  /** gold: the gold set, stored as a gold run, or as an eval run when a version is named. pack: the eval pack with the held-out rows of `dataset`. */
  cases: 'gold' | 'pack';
  run?: number;
  dataset?: string;
}

/** What was asked and how it went; the answers are in the database, under `id`. */
export interface InferResult {
  id: string;
  version: string;
  state: 'ok' | 'down';
  cases: number;
  passed: number;
}

/** What an endpoint that does not answer ends in; anything else is a fault of ours or of the set. */
const noAnswer = new Set<ErrorCode>(['upstream_failed', 'upstream_busy', 'model_not_ready']);

export function createInferActivities({ config, db, answerer, datasetDirectory, logger }: ActivityDependencies) {
  /** The version's first gold run is the baseline that later probes are held against. */
  async function runGold({ model }: InferInput, path: string): Promise<InferResult | null> {
    const [champion] = await listChampions(db, [model]);
    if (champion === undefined) return null;
    const { version } = champion;
    const gold = await readCases(path);
    const key = { model, modelVersion: version, goldSha256: gold.sha256 };
    const purpose = (await goldBaseline(db, key)) === null ? 'baseline' : 'probe';
    const id = stepId();
    const run = { ...key, id, purpose, cases: gold.cases.length } as const;
    try {
      const results = await runCases(
        answerer,
        { model, version, source: 'probe', cases: gold.cases },
        cancellationSignal(),
      );
      const failedCases = results.filter(({ passed }) => !passed).map((result) => result.case);
      const passed = results.length - failedCases.length;
      await storeGoldRun(db, { ...run, state: 'ok', passed, failedCases });
      return { id, version, state: 'ok', cases: results.length, passed };
    } catch (error) {
      if (!(error instanceof RelearnError) || !noAnswer.has(error.code)) throw error;
      logger.warn({ model, version, code: error.code }, 'the gold set got no answer');
      await storeGoldRun(db, { ...run, state: 'down', passed: 0, failedCases: [] });
      return { id, version, state: 'down', cases: gold.cases.length, passed: 0 };
    }
  }

  async function runPack(input: InferInput, { sha256, cases }: CaseSet): Promise<InferResult> {
    const { model, run } = input;
    const version = input.version ?? (await getChampion(db, model)).version;
    const results = await runCases(answerer, { model, version, source: input.source, cases }, cancellationSignal());
    const id = await storeEvalRun(db, { model, version, packSha256: sha256, run: run ?? null, results });
    return { id, version, state: 'ok', cases: results.length, passed: results.filter(({ passed }) => passed).length };
  }

  return {
    /**
     * Inference inside workflows: asks a version a set of cases by the same code as the gateway, which logs the same
     * rows. Null when the configuration names no such set, or there is no champion to ask.
     */
    async infer(input: InferInput): Promise<InferResult | null> {
      const settings = config.models[input.model];
      const path = input.cases === 'gold' ? settings?.drift.gold : settings?.evals?.pack;
      if (path === undefined) return null;
      const { dataset } = input;
      return withHeartbeat(async () => {
        if (input.cases === 'gold' && input.version === undefined) return runGold(input, path);
        if (dataset === undefined) return runPack(input, await readCases(path));
        return runPack(input, await readCasesWithLearned(path, join(datasetDirectory, dataset)));
      });
    },
  };
}

/** The same for every attempt of one activity. */
function stepId(): string {
  const { workflowExecution, activityId } = activityInfo();
  const name = JSON.stringify([workflowExecution?.workflowId, workflowExecution?.runId, activityId]);
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
