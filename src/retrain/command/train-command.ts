import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import type { CommandConfig } from '../config.ts';
import { adoptOnnx } from '../pipeline/adopt-onnx.ts';
import type { Trainer } from '../trainer.ts';
import { filesOf } from '../trainer.ts';
import { readTrainingRows, type TrainingRedaction } from '../training-rows.ts';
import { runProgram, type ProgramPlan } from './run-program.ts';

/** What a program may print, a line of JSON each; other lines are its own business. */
const reportSchema = z.object({
  /** Share of the work done. */
  progress: z.number().min(0).max(1).optional(),
  /** Instead of a file: the model an upstream serves now, and the adapter a vLLM is to load for it. */
  upstreamModel: z.string().min(1).optional(),
  loraPath: z.string().min(1).optional(),
});
type Report = z.output<typeof reportSchema>;

/** Before a program that failed is started again: what it lacked may be back by then. */
const pauseMs = 1000;

/**
 * A trainer that is a program. It gets `RELEARN_DATASET` and `RELEARN_REPLAY` (chat pairs), `RELEARN_BASE` (prompt and completion,
 * redacted, without gold and eval cases), `RELEARN_OUTPUT` (the ONNX file to write), `RELEARN_CHECKPOINTS` (a folder that outlives a
 * killed worker), `RELEARN_SEED` and `RELEARN_RUN`. Throws `trainer_failed` or `invalid_artifact`.
 */
export function createCommandTrainer(
  config: CommandConfig,
  environment: NodeJS.ProcessEnv,
  redaction: TrainingRedaction,
): Trainer {
  return async (dataset, base, onProgress, signal) => {
    const started = performance.now();
    const paths = {
      dataset: join(base.folder, 'dataset.jsonl'),
      replay: join(base.folder, 'replay.jsonl'),
      base: join(base.folder, 'base.jsonl'),
      output: join(base.folder, 'output.onnx'),
      checkpoints: join(base.folder, 'checkpoints'),
    };
    await mkdir(paths.checkpoints, { recursive: true });
    await rm(paths.output, { force: true });
    const rows = await readTrainingRows(filesOf(dataset, config.base), redaction);
    await writeFile(paths.base, jsonLines(rows.base.map(({ text, label }) => ({ prompt: text, completion: label }))));
    await copyOrEmpty(dataset.corrected, paths.dataset);
    await copyOrEmpty(dataset.replay, paths.replay);

    let said: Report = {};
    await runWithRetries(
      config.retries,
      {
        ...{ command: config.command, folder: base.folder, graceMs: config.killAfterSeconds * 1000 },
        env: {
          ...environment,
          RELEARN_DATASET: paths.dataset,
          RELEARN_REPLAY: paths.replay,
          RELEARN_BASE: paths.base,
          RELEARN_OUTPUT: paths.output,
          RELEARN_CHECKPOINTS: paths.checkpoints,
          RELEARN_SEED: String(config.seed),
          RELEARN_RUN: base.key,
        },
      },
      (line) => {
        const report = readReport(line);
        if (report?.progress !== undefined) onProgress(report.progress);
        said = { ...said, ...report };
      },
      signal,
    );

    const facts = { seed: config.seed, rows: rows.base.length + rows.corrected.length };
    const seconds = (performance.now() - started) / 1000;
    const { upstreamModel, loraPath } = said;
    if (upstreamModel !== undefined) {
      const pointer = { upstreamModel, ...(loraPath === undefined ? {} : { loraPath }) };
      return { kind: 'upstream', lowConfidenceBelow: null, seconds, metadata: { ...facts, ...pointer } };
    }
    await requireFile(paths.output);
    const adopted = await adoptOnnx(paths.output, join(base.folder, 'adopted.onnx'), rows.calibration);
    const { lowConfidenceBelow, file } = adopted;
    return { kind: 'onnx', file, lowConfidenceBelow, seconds, metadata: { ...facts, notes: adopted.notes } };
  };
}

/** A program may fail by chance, such as for want of memory. A worker that takes the run up counts anew. */
async function runWithRetries(
  retries: number,
  plan: ProgramPlan,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let left = retries; ; left -= 1) {
    try {
      return await runProgram(plan, onLine, signal);
    } catch (error) {
      const failed = error instanceof RelearnError && error.code === 'trainer_failed';
      if (!failed || left === 0) throw error;
      await wait(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function copyOrEmpty(from: string | undefined, to: string): Promise<void> {
  if (from === undefined) await writeFile(to, '');
  else await copyFile(from, to);
}

function readReport(line: string): Report | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return reportSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

async function requireFile(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0) return;
  throw new RelearnError(
    'invalid_artifact',
    'The trainer ended well and wrote no file. Wanted an ONNX model at RELEARN_OUTPUT, or a last line ' +
      '{"upstreamModel":"…"}.',
  );
}

function jsonLines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
