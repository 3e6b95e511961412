import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import type { CommandConfig } from '../config.ts';
import { adoptOnnx } from '../pipeline/adopt-onnx.ts';
import type { Trainer } from '../trainer.ts';
import { filesOf } from '../trainer.ts';
import { readTrainingRows, type TrainingRedaction } from '../training-rows.ts';
import { runProgram } from './run-program.ts';

/** What a program may print, a line of JSON each; other lines are its own business. */
const reportSchema = z.object({
  /** Share of the work done. */
  progress: z.number().min(0).max(1).optional(),
  /** Instead of a file: the model an upstream serves now, and the adapter a vLLM is to load for it. */
  upstreamModel: z.string().min(1).optional(),
  loraPath: z.string().min(1).optional(),
});
type Report = z.output<typeof reportSchema>;

/**
 * A trainer that is a program. It gets `RELEARN_DATASET` (chat pairs), `RELEARN_BASE` (prompt and completion, redacted,
 * without gold and eval cases), `RELEARN_OUTPUT` (the ONNX file to write), `RELEARN_CHECKPOINTS` (a folder that outlives a killed
 * worker), `RELEARN_SEED` and `RELEARN_RUN`. Throws `trainer_failed` or `invalid_artifact`.
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
      base: join(base.folder, 'base.jsonl'),
      output: join(base.folder, 'output.onnx'),
      checkpoints: join(base.folder, 'checkpoints'),
    };
    await mkdir(paths.checkpoints, { recursive: true });
    await rm(paths.output, { force: true });
    const rows = await readTrainingRows(filesOf(dataset, config.base), redaction);
    await writeFile(paths.base, jsonLines(rows.base.map(({ text, label }) => ({ prompt: text, completion: label }))));
    if (dataset.corrected === undefined) await writeFile(paths.dataset, '');
    else await copyFile(dataset.corrected, paths.dataset);

    let said: Report = {};
    await runProgram(
      {
        ...{ command: config.command, folder: base.folder, markFile: join(base.folder, 'program.json') },
        graceMs: config.killAfterSeconds * 1000,
        env: {
          ...environment,
          RELEARN_DATASET: paths.dataset,
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
