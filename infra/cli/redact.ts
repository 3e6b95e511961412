import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { parseLine } from '../../src/jsonl.ts';
import { createRedactor, packNames, type Redacted } from '../../src/log/redact/index.ts';

const lineSchema = z.object({ text: z.string() });
const optionsSchema = z.object({ pack: z.array(z.enum(packNames)).default([]), numbered: z.boolean().default(false) });

/** `relearn redact`: JSONL `{"text"}` on standard input becomes `{"redacted","found"}` on standard output. */
export function addRedactCommand(program: Command): void {
  program
    .command('redact')
    .description('redact JSONL {"text"} from standard input to JSONL {"redacted","found"}')
    .addOption(new Option('--pack <name...>', 'government ids of another country, too').choices(packNames))
    .option('--numbered', '[EMAIL_1] instead of [EMAIL]: the same value, the same number in a line')
    .action((options: unknown) => {
      const { pack, numbered } = optionsSchema.parse(options);
      return redactLines(process.stdin, process.stdout, createRedactor({ packs: pack, numbered }).redact);
    });
}

/** Redacts line by line. The first broken line ends it with `invalid_rows`, which names its number and not its text. */
export async function redactLines(
  input: Readable,
  output: Writable,
  redact: (text: string) => Redacted = createRedactor().redact,
): Promise<void> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const { text, found } = redact(parseLine(line, lineSchema, `line ${number}`).text);
    if (!output.write(`${JSON.stringify({ redacted: text, found })}\n`)) await once(output, 'drain');
  }
}
