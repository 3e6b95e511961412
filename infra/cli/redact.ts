import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { parseLine } from '../../src/jsonl.ts';
import { createRedactor, packNames, type Redacted, type RedactionOptions } from '../../src/log/redact/index.ts';
import { defaultConfigPath, readConfigFile } from '../config-file.ts';
import { readEnvironment } from '../environment.ts';

const lineSchema = z.object({ text: z.string() });
const optionsSchema = z.object({
  config: z.string().optional(),
  pack: z.array(z.enum(packNames)).default([]),
  numbered: z.boolean().default(false),
});

/** `relearn redact`: JSONL `{"text"}` on standard input becomes `{"redacted","found"}` on standard output. */
export function addRedactCommand(program: Command): void {
  program
    .command('redact')
    .description(
      'redact JSONL {"text"} from standard input to JSONL {"redacted","found"}, as log.redaction of relearn.yaml says where there is one',
    )
    .addOption(new Option('--pack <name...>', 'government ids of another country, too').choices(packNames))
    .option('--numbered', '[EMAIL_1] instead of [EMAIL]: the same value, the same number in a line')
    .action(async (_: unknown, command: Command) => {
      const { config, pack, numbered } = optionsSchema.parse(command.optsWithGlobals());
      const configured = await readConfigured(config);
      await redactLines(process.stdin, process.stdout, {
        ...configured,
        packs: [...new Set([...(configured.packs ?? []), ...pack])],
        numbered: numbered || configured.numbered,
      });
    });
}

/** Without a configuration there are no options. */
async function readConfigured(path: string | undefined): Promise<RedactionOptions> {
  const named = path ?? readEnvironment().configPath;
  if (named === undefined && !existsSync(defaultConfigPath)) return {};
  return (await readConfigFile(named ?? defaultConfigPath)).log.redaction;
}

/**
 * Redacts line by line. The first broken line ends it with `invalid_rows`, which names its number and not its text; a
 * second redactor that does not answer, with `redactor_unavailable`.
 */
export async function redactLines(input: Readable, output: Writable, options: RedactionOptions = {}): Promise<void> {
  const { redact, chain } = createRedactor(options);
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const first = redact(parseLine(line, lineSchema, `line ${number}`).text);
    const { text, found } = chain === undefined ? first : addFound(first, await chain(first.text));
    if (!output.write(`${JSON.stringify({ redacted: text, found })}\n`)) await once(output, 'drain');
  }
}

function addFound(first: Redacted, second: Redacted): Redacted {
  const found = { ...first.found };
  for (const [kind, count] of Object.entries(second.found)) found[kind] = (found[kind] ?? 0) + count;
  return { text: second.text, found };
}
