import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { z } from 'zod';
import { parseLine } from '../../src/jsonl.ts';
import { redactText } from '../../src/log/redact/index.ts';

const lineSchema = z.object({ text: z.string() });

/** `relearn redact`: JSONL `{"text"}` on standard input becomes `{"redacted","found"}` on standard output. */
export function addRedactCommand(program: Command): void {
  program
    .command('redact')
    .description('redact JSONL {"text"} from standard input to JSONL {"redacted","found"}')
    .action(() => redactLines(process.stdin, process.stdout));
}

/** Redacts line by line. The first broken line ends it with `invalid_rows`, which names its number and not its text. */
export async function redactLines(input: Readable, output: Writable): Promise<void> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const { text, found } = redactText(parseLine(line, lineSchema, `line ${number}`).text);
    if (!output.write(`${JSON.stringify({ redacted: text, found })}\n`)) await once(output, 'drain');
  }
}
