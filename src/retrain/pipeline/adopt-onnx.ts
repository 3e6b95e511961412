import { writeFile } from 'node:fs/promises';
import { RelearnError } from '../../errors.ts';
import { loadOnnxModelInThread } from '../../serve/onnx-thread.ts';
import { lowConfidenceBelow } from '../calibrate.ts';
import { metadataKey } from '../embedded/onnx-format.ts';
import { readOnnxFile } from '../embedded/read-onnx.ts';
import { encoderKey } from '../encoder/encoder-format.ts';
import { importPipeline } from './import-pipeline.ts';
import { pipelineKey } from './pipeline-format.ts';

export interface AdoptedOnnx {
  /** The file to serve: the given one, or `rewritten`. */
  file: string;
  /** What was changed or cannot be known, for people. */
  notes: string[];
  lowConfidenceBelow: number | null;
  redactorVersion: string;
}

/**
 * Takes an ONNX file that was made elsewhere: ours as it is, a text pipeline rewritten into `rewritten`. It is loaded, has to
 * answer, and is calibrated on `calibration` (redacted prompts of gold set and eval pack) unless its file says how sure it is.
 * Throws `invalid_artifact`.
 */
export async function adoptOnnx(
  given: string,
  rewritten: string,
  calibration: readonly string[],
): Promise<AdoptedOnnx> {
  const { bytes, metadata } = await readOnnxFile(given);
  const ours = [metadataKey, encoderKey, pipelineKey].some((key) => metadata.has(key));
  const imported = ours ? undefined : await importPipeline(bytes, given);
  if (imported !== undefined) await writeFile(rewritten, imported.bytes);
  const file = imported === undefined ? given : rewritten;
  const loaded = await loadOnnxModelInThread(file, 'import');
  try {
    const texts = calibration.map((content) => [{ role: 'user', content }]);
    const answers = await loaded.answer(texts);
    const logprobs = answers.map(({ logprob }) => logprob ?? Number.NaN);
    if (logprobs.some((logprob) => !(logprob <= 0))) {
      throw new RelearnError('invalid_artifact', `${given} answers with no log-probability. Export it again.`);
    }
    const measured = logprobs.length === 0 ? null : lowConfidenceBelow(logprobs);
    const { redactorVersion } = loaded;
    const below = loaded.lowConfidenceBelow ?? measured;
    return { file, notes: imported?.notes ?? [], lowConfidenceBelow: below, redactorVersion };
  } finally {
    await loaded.close();
  }
}
