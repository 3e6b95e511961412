import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { ModelConfig } from '../src/config.ts';
import { latestRevision } from '../src/convert/revise.ts';
import { storeEvalRun } from '../src/gate/eval-runs.ts';
import { readPack, type CaseSet } from '../src/gate/pack.ts';
import { readCasesWithLearned, runCases, type AskedCases } from '../src/gate/run-cases.ts';
import { openScorers } from '../src/gate/scorers.ts';
import type { CaseResult } from '../src/gate/verdict.ts';
import { getChampion, listChampions } from '../src/promote/registry.ts';
import { answerChunk, type Chunk, type ChunkOutcome } from '../src/serve/answer-chunk.ts';
import { probeGoldSet } from '../src/watch/gold-probe.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

export interface InferInput {
  model: string;
  /** Left out: the champion. */
  version?: string;
  source: 'probe' | 'eval';
  /** gold: the gold set, stored as gold runs, or as an eval run when a version is named. pack: the eval pack with the held-out rows of `dataset`. */
  cases: 'gold' | 'pack';
  run?: number;
  dataset?: string;
  /** Asks the gold set whether it is due or not. */
  now?: boolean;
}

/** What was asked and how it went; the answers are in the database, under `id`. */
export interface InferResult {
  id: string;
  version: string;
  state: 'ok' | 'down';
  cases: number;
  passed: number;
  /** Cases that could not be judged; of a gold set they are not counted among `cases`. */
  unknown?: number;
}

export function createInferActivities(dependencies: ActivityDependencies) {
  const { config, db, answerer, datasetDirectory, logger, secret, writer } = dependencies;

  async function scoreCases(asked: AskedCases): Promise<CaseResult[]> {
    const scorers = openScorers(config.models[asked.model]?.evals ?? {}, secret);
    try {
      return await runCases(answerer, scorers, asked, cancellationSignal());
    } finally {
      await scorers.close();
    }
  }

  /** A set of cases, and with a dataset its held-out corrections as the slices `learned/<incident>`. */
  async function readCases(path: string, dataset: string | null | undefined): Promise<CaseSet> {
    if (dataset == null) return readPack(path);
    return readCasesWithLearned(path, join(datasetDirectory, await latestRevision(db, dataset)));
  }

  /** The serving version's baseline, or a probe that is held against it: of the gold set, and of what it was taught. */
  async function runGold({ model, now = false }: InferInput, settings: ModelConfig, path: string) {
    const [champion] = await listChampions(db, [model]);
    if (champion === undefined || settings.drift.goldSet.action === 'off') return null;
    const { version, dataset } = champion;
    const gold = await readCases(path, dataset);
    const result = await probeGoldSet(
      { db, logger, score: scoreCases },
      { model, version, gold, settings, id: stepId(), now },
    );
    return result === null ? null : { ...result, version };
  }

  async function runPack(input: InferInput, { sha256, fileSha256, cases }: CaseSet): Promise<InferResult> {
    const { model, run } = input;
    const version = input.version ?? (await getChampion(db, model)).version;
    const timed = config.models[model]?.evals?.gates.some(({ metric }) => metric === 'latency_p95_ms');
    const results = await scoreCases({ model, version, source: input.source, cases, timed });
    const unknown = results.filter(({ passed }) => passed === null).length;
    if (unknown > 0) logger.warn({ model, version, unknown }, 'cases of the eval pack could not be judged');
    const id = await storeEvalRun(db, { model, version, packSha256: sha256, fileSha256, run: run ?? null, results });
    const passed = results.filter((result) => result.passed === true).length;
    return { id, version, state: 'ok', cases: results.length, passed, unknown };
  }

  async function askCases(input: InferInput): Promise<InferResult | null> {
    const settings = config.models[input.model];
    const path = input.cases === 'gold' ? settings?.drift.gold : settings?.evals?.pack;
    if (settings === undefined || path === undefined) return null;
    if (input.cases === 'gold' && input.version === undefined) return runGold(input, settings, path);
    return runPack(input, await readCases(path, input.dataset));
  }

  async function answerPrompts(chunk: Chunk): Promise<ChunkOutcome> {
    const flushLog = () => writer.flush();
    return answerChunk({ db, answerer, flushLog, signal: cancellationSignal() }, ownWorkflow(), chunk);
  }

  async function infer(input: InferInput): Promise<InferResult | null>;
  async function infer(chunk: Chunk): Promise<ChunkOutcome>;
  async function infer(input: InferInput | Chunk): Promise<InferResult | ChunkOutcome | null> {
    return withHeartbeat<InferResult | ChunkOutcome | null>(() =>
      'plan' in input ? answerPrompts(input) : askCases(input),
    );
  }

  return {
    /**
     * Inference inside workflows: asks a version by the same code as the gateway, which logs the same rows. Of a set of
     * cases it stores the score; null when the configuration names no such set, there is no champion to ask, or the gold
     * set is not due. Of the next prompts of a batch it sees the rows stored and writes the answers as one part.
     */
    infer,
    /** The name that batches of 0.1 know `infer` by. */
    inferChunk: (chunk: Chunk): Promise<ChunkOutcome> => infer(chunk),
  };
}

export function ownWorkflow(): string {
  return activityInfo().workflowExecution?.workflowId ?? '';
}

/** The same for every attempt of one activity. */
function stepId(): string {
  const { workflowExecution, activityId } = activityInfo();
  const name = JSON.stringify([workflowExecution?.workflowId, workflowExecution?.runId, activityId]);
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
