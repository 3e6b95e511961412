import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { RelearnError } from '../../src/errors.ts';
import { exampleFiles } from './init-examples.ts';

/** `relearn init`: a configuration to start from, with example files that work. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('write relearn.yaml and example data: a classifier of support questions, to be made your own')
    .argument('[folder]', 'where to write', '.')
    .action(async (folder: string) => {
      const written = await writeExample(folder);
      console.log(written.map((file) => `wrote ${file}`).join('\n'));
      console.log('\nNext: relearn up, and beside it: relearn train --model support --deploy');
    });
}

/** Overwrites nothing. Throws `invalid_arguments` when a file is there already. Returns the paths it wrote. */
export async function writeExample(folder: string): Promise<string[]> {
  const { base, gold, eval: pack } = exampleFiles();
  const files = {
    'relearn.yaml': configuration(relative(folder, schemaPath)),
    'data/base.jsonl': base,
    'data/gold.jsonl': gold,
    'data/eval.jsonl': pack,
  };
  const entries = Object.entries(files).map(([name, content]) => [join(folder, name), content] as const);
  const taken = entries.find(([path]) => existsSync(path));
  if (taken !== undefined) {
    throw new RelearnError('invalid_arguments', `${taken[0]} is there already. Choose another folder, or remove it.`);
  }
  for (const [path, content] of entries) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return entries.map(([path]) => path);
}

const schemaPath = fileURLToPath(new URL('../../../relearn.schema.json', import.meta.url));

const configuration = (schema: string) => `# yaml-language-server: $schema=${schema}
# Relearn: what it serves, watches and retrains. Unknown keys are errors. Paths count from this file's folder.

# Databases, model files and logs of \`relearn up\`. It holds secrets and your users' (redacted) texts: keep it out of git.
stateDir: .relearn

# Bound to 127.0.0.1. On another \`host\` both need keys: relearn keys create --name NAME --scope infer,feedback
gateway:
  port: 8080
console:
  port: 8081

models:
  # The name that apps ask for: {"model": "support", "messages": [...]}
  support:
    # onnx: a model that Relearn trains and serves itself. For an LLM behind an OpenAI-compatible endpoint instead:
    #   serve: { kind: upstream, url: https://host/v1, upstreamModel: its-name, apiKeyEnv: MY_API_KEY }
    serve:
      kind: onnx

    drift:
      everySeconds: 900
      # Questions with known answers, asked of the serving model at every look.
      gold: data/gold.jsonl

    retrain:
      # Corrected rows of an incident before it triggers a retrain.
      minCorrected: 100
      trainer:
        kind: embedded
        # What the first version learns from, and every later one as well.
        base: data/base.jsonl
      # Every Monday at 03:00 UTC, drift or not:
      # cadence: '0 3 * * 1'

    evals:
      # Never trained on. A candidate must pass the gates on it before it serves.
      pack: data/eval.jsonl
      gates:
        - slice: all
          min: 0.7
          maxDrop: 0.2
`;
