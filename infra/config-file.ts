import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { Config, ModelConfig } from '../src/config.ts';
import { configSchema } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import type { TrainerConfig } from '../src/retrain/config.ts';
import { describeIssue } from './config-problems.ts';

export const defaultConfigPath = 'relearn.yaml';

/**
 * Reads and checks relearn.yaml. Relative paths in it count from its folder. Throws `invalid_config`, which lists
 * every problem with its place in the file.
 */
export async function readConfigFile(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RelearnError(
      'invalid_config',
      code === 'ENOENT'
        ? `There is no ${path}. Write one with \`relearn init\`, or name another with --config or RELEARN_CONFIG.`
        : `Cannot read ${path} (${code}).`,
      { cause: error },
    );
  });
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message }) => message.trim());
    throw new RelearnError('invalid_config', `${path} is not YAML:\n${list(problems)}`);
  }
  const parsed = configSchema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    throw new RelearnError('invalid_config', `${path}:\n${list(parsed.error.issues.flatMap(describeIssue))}`);
  }
  return resolvePaths(parsed.data, dirname(resolve(path)));
}

function list(problems: readonly string[]): string {
  return problems.map((problem) => `  ${problem}`).join('\n');
}

function resolvePaths(config: Config, folder: string): Config {
  const models = Object.entries(config.models).map(
    ([name, model]) => [name, resolveModelPaths(model, folder)] as const,
  );
  const { certificates } = config;
  const { signingKeyFile } = certificates;
  return {
    ...config,
    stateDir: resolve(folder, config.stateDir),
    certificates:
      signingKeyFile === undefined
        ? certificates
        : { ...certificates, signingKeyFile: resolve(folder, signingKeyFile) },
    models: Object.fromEntries(models),
  };
}

function resolveModelPaths({ drift, retrain, evals, ...rest }: ModelConfig, folder: string): ModelConfig {
  const { trainer } = retrain;
  return {
    ...rest,
    drift: drift.gold === undefined ? drift : { ...drift, gold: resolve(folder, drift.gold) },
    retrain: trainer === undefined ? retrain : { ...retrain, trainer: resolveTrainerPaths(trainer, folder) },
    ...(evals?.pack === undefined ? { evals } : { evals: { ...evals, pack: resolve(folder, evals.pack) } }),
  };
}

/** Programs of a command are looked up by the system and stay as they are. */
function resolveTrainerPaths(trainer: TrainerConfig, folder: string): TrainerConfig {
  if (trainer.base === undefined) return trainer;
  const base = resolve(folder, trainer.base);
  if (trainer.kind !== 'encoder') return { ...trainer, base };
  return { ...trainer, base, encoder: resolve(folder, trainer.encoder), tokenizer: resolve(folder, trainer.tokenizer) };
}
