import { stat } from 'node:fs/promises';
import { RelearnError } from '../src/errors.ts';
import { missingScorers, readPack, type CaseSet } from '../src/gate/pack.ts';
import { runCases } from '../src/gate/run-cases.ts';
import { openScorers } from '../src/gate/scorers.ts';
import type { CaseResult } from '../src/gate/verdict.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { openAnswering } from './answering.ts';
import { modelSettings } from './deploy.ts';
import { createLogger } from './logger.ts';
import type { Runtime } from './runtime.ts';

/** An eval pack with all it takes to ask versions its cases in this process. */
export interface OpenEvalPack {
  set: CaseSet;
  /** Asks a registered version every case, each answer timed by itself. */
  run: (version: string) => Promise<CaseResult[]>;
  /** Size of an artifact in MB, by its digest. */
  sizeOf: (artifact: string) => Promise<number>;
  close: () => Promise<void>;
}

/**
 * Opens the eval pack of a model, or another file for it. Throws `invalid_arguments` where there is none, `invalid_rows`
 * with file and line, and `invalid_config` where its cases need a judge or embeddings that are not set.
 */
export async function openEvalPack(runtime: Runtime, model: string, file?: string): Promise<OpenEvalPack> {
  const { config, db, environment } = runtime;
  const { secret } = environment;
  const { evals } = modelSettings(runtime, model);
  const path = file ?? evals?.pack;
  if (path === undefined) {
    throw new RelearnError('invalid_arguments', `models.${model}.evals.pack is not set. Name a file with --pack.`);
  }
  const set = await readPack(path);
  const missing = missingScorers(set.cases, evals);
  if (missing.length > 0) {
    const keys = missing.map((key) => `models.${model}.evals.${key}`).join(' and ');
    throw new RelearnError('invalid_config', `${keys} must be set: cases of ${path} need it.`);
  }
  const logger = createLogger({ level: 'error', name: 'eval' });
  const answering = await openAnswering({
    ...{ config, db, secret, logger, load: loadOnnxModel },
    hashKey: await runtime.hashKey(),
  });
  const scorers = openScorers(evals ?? {}, secret);
  return {
    set,
    run: (version) =>
      runCases(answering.answerer, scorers, { ...{ model, version, source: 'eval', cases: set.cases }, timed: true }),
    sizeOf: async (artifact) => (await stat(await answering.artifacts.get(artifact))).size / 1e6,
    async close() {
      await scorers.close();
      await answering.close();
    },
  };
}
