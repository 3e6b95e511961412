import { join } from 'node:path';
import type { ChainOptions } from '../log/redact/chain.ts';
import { redactorVersion } from '../log/redact/index.ts';
import { createCommandTrainer } from './command/train-command.ts';
import type { TrainerConfig } from './config.ts';
import { trainEmbedded, trainEncoderInThread } from './embedded/train-in-thread.ts';
import { createJobsTrainer, type JobStore } from './jobs/train-by-job.ts';
import { filesOf, type Trainer } from './trainer.ts';

export interface TrainerParts {
  /** What a program of the user's inherits. */
  environment: NodeJS.ProcessEnv;
  /** The key of an API, by the name of the environment variable the config gives. */
  secret: (name: string) => string | undefined;
  /** Where the second redactor is, when there is one. */
  chain: ChainOptions | undefined;
  /** Remembers which job belongs to which run. */
  jobs: JobStore;
}

/** The trainer a configuration names. All kinds answer to the same call. */
export function createTrainer(config: TrainerConfig, parts: TrainerParts): Trainer {
  const redaction = { redactorVersion: redactorVersion(), chain: parts.chain };
  if (config.kind === 'command') return createCommandTrainer(config, parts.environment, redaction);
  if (config.kind === 'jobs') return createJobsTrainer(config, parts);
  const { seed, epochs } = config;
  return async (dataset, base, onProgress, signal) => {
    const file = join(base.folder, 'model.onnx');
    const common = { files: filesOf(dataset, config.base), output: file, seed, epochs, ...redaction };
    const trained =
      config.kind === 'embedded'
        ? await trainEmbedded(common, onProgress, signal)
        : await trainEncoderInThread(
            { ...common, encoder: config.encoder, tokenizer: config.tokenizer, maxTokens: config.maxTokens },
            onProgress,
            signal,
          );
    const { lowConfidenceBelow, seconds, rows, labels } = trained;
    const metadata = { seed, redactor: redaction.redactorVersion, rows, labels };
    return { kind: 'onnx', file, lowConfidenceBelow, seconds, metadata };
  };
}
