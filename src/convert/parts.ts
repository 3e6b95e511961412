import { classifierText } from '../chat.ts';
import type { ModelConfig } from '../config.ts';
import { readPrompts } from '../gate/pack.ts';
import { redactToStore } from '../log/redact/index.ts';
import { KnownTexts } from './copies.ts';
import type { DatasetRequest } from './dataset.ts';

/** What the configuration of a model says about its datasets: what must stay out of them, and what stands beside the pairs. */
export async function readDatasetParts({
  drift,
  evals,
  retrain,
}: ModelConfig): Promise<Pick<DatasetRequest, 'reserved' | 'preferences' | 'replay'>> {
  const { preferences, replay } = retrain.dataset;
  const base = retrain.trainer?.base;
  return {
    reserved: await readReserved([drift.gold, evals?.pack]),
    preferences,
    replay: replay > 0 && base !== undefined ? { base, perRow: replay } : undefined,
  };
}

/** Production rows are logged redacted, so gold and eval prompts are compared in the same form. */
async function readReserved(files: readonly (string | undefined)[]): Promise<KnownTexts> {
  const reserved = new KnownTexts();
  for (const file of files) {
    if (file === undefined) continue;
    const prompts = (await readPrompts(file)).map((messages) =>
      redactToStore((redact) => redact(classifierText(messages))),
    );
    for (const prompt of await Promise.all(prompts)) reserved.add(prompt);
  }
  return reserved;
}
