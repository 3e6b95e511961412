import type { ModelConfig } from '../config.ts';

/** What a person does so that a model without a champion gets one. */
export function describeFirstVersion(model: string, kind: ModelConfig['serve']['kind']): string {
  return kind === 'upstream'
    ? '`relearn up` or `relearn migrate` registers its endpoint'
    : `deploy one by \`relearn train --model ${model} --deploy\``;
}
