import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { messageSchema, messageText, type Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { parseLine } from '../jsonl.ts';

const text = z.string().refine((value) => value.trim() !== '', 'wanted a text that is not empty');
const id = z.union([z.string().min(1).max(200), z.number()]).optional();

/** One line of a batch: a prompt, a conversation, or the id of a logged request to answer again. */
const promptLine = z.union(
  [
    z.object({ id, prompt: text }),
    z.object({ id, messages: z.array(messageSchema).refine(holdsText, 'wanted at least one message with text') }),
    z.object({ id, request_id: z.string().min(1).max(200) }),
  ],
  'wanted {"prompt"}, {"messages"} or {"request_id"}, and an "id" if you like',
);

export interface BatchPrompt {
  /** The caller's, or else the line number. */
  id: string | number;
  /** A conversation, or the request id of the logged row that holds it. */
  asked: readonly Message[] | string;
}

/** Where the next line of a file begins. */
export interface FilePlace {
  byte: number;
  /** Lines before it. */
  line: number;
}

export const fileStart: FilePlace = { byte: 0, line: 0 };

/**
 * Reads a batch from `from` on, with the place after each line. A broken line throws `invalid_rows` with file and line
 * number and without its text. Blank lines are skipped.
 */
export async function* readPrompts(
  path: string,
  from: FilePlace,
): AsyncGenerator<{ prompt: BatchPrompt; next: FilePlace }> {
  let { byte, line } = from;
  for await (const bytes of readLines(path, byte)) {
    byte += bytes.length;
    line += 1;
    const content = bytes.toString('utf8').trim();
    if (content === '') continue;
    const parsed = parseLine(content, promptLine, `${path}:${line}`);
    const prompt = { id: parsed.id ?? line, asked: toAsked(parsed) };
    yield { prompt, next: { byte, line } };
  }
}

function toAsked(line: z.output<typeof promptLine>): BatchPrompt['asked'] {
  if ('prompt' in line) return [{ role: 'user', content: line.prompt }];
  return 'messages' in line ? line.messages : line.request_id;
}

function holdsText(messages: readonly Message[]): boolean {
  return messages.some((message) => messageText(message).trim() !== '');
}

const newline = 10;

/** Lines as bytes, each with its line break: readline does not say where in the file a line ends. */
async function* readLines(path: string, start: number): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { start }) as AsyncIterable<Buffer>) {
      let at = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, at)) {
        yield Buffer.concat([...pieces, chunk.subarray(at, end + 1)]);
        pieces = [];
        at = end + 1;
      }
      pieces.push(chunk.subarray(at));
    }
  } catch (error) {
    if (error instanceof RelearnError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RelearnError('invalid_rows', `Cannot read ${path} (${code}). Wanted a JSONL file.`, { cause: error });
  }
  const rest = Buffer.concat(pieces);
  if (rest.length > 0) yield rest;
}
