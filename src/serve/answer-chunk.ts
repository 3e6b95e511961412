import { stat } from 'node:fs/promises';
import { promptMessages, type Message } from '../chat.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { redactToStore } from '../log/redact/index.ts';
import { namedRequestId } from '../log/request-id.ts';
import type { AnswerRequest, Answerer } from './answer.ts';
import { readPart, writePart, type BatchAnswer } from './batch-folder.ts';
import type { BatchPlan } from './batch-plan.ts';
import { readPrompts, type BatchPrompt, type FilePlace } from './prompt-file.ts';

export interface Chunk {
  plan: BatchPlan;
  /** Number of the chunk and of its file. */
  part: number;
  from: FilePlace;
  /** Time of its rows in the log, in ms: the same for every attempt. */
  at: number;
}

export interface ChunkOutcome {
  next: FilePlace;
  prompts: number;
  /** Prompts without an answer, whose line says why. */
  failed: number;
}

/** What one prompt may meet without the others being concerned. */
const ownErrors = ['upstream_rejected', 'empty_prompt'];

interface AnswerChunkOptions {
  db: Database;
  answerer: Pick<Answerer, 'answerBatch'>;
  /** Resolves when the rows of all answers are stored. */
  flushLog: () => Promise<void>;
  signal: AbortSignal;
}

/**
 * Answers the prompts of a chunk by the request path of production and writes them as one part. A part that is there
 * is not asked again; one that is asked twice has the same request ids. `workflow` names the batch.
 */
export async function answerChunk(
  { db, answerer, flushLog, signal }: AnswerChunkOptions,
  workflow: string,
  chunk: Chunk,
): Promise<ChunkOutcome> {
  const { plan, part } = chunk;
  const { prompts, next } = await readChunk(chunk);
  let answers = await readPart(plan.output, part);
  if (answers === null) {
    const logged = await readLogged(db, prompts);
    const asked = prompts.map((prompt, place): Asked => {
      const requestId = namedRequestId(new Date(chunk.at), JSON.stringify([workflow, part, place]));
      const messages = typeof prompt.asked === 'string' ? (logged.get(prompt.asked) ?? []) : prompt.asked;
      const { model, source, version } = plan;
      return { id: prompt.id, request: { model, source, version: version ?? undefined, messages, requestId, signal } };
    });
    answers = await answerEach(answerer, asked);
    await flushLog(); // first: once the part is there, nobody logs its answers again
    await writePart(plan.output, part, answers);
  }
  return { next, prompts: answers.length, failed: answers.filter(({ error }) => error !== undefined).length };
}

interface Asked {
  id: BatchPrompt['id'];
  request: AnswerRequest;
}

async function readChunk({ plan, from }: Chunk): Promise<{ prompts: BatchPrompt[]; next: FilePlace }> {
  const { size } = await stat(plan.file).catch(() => ({ size: -1 }));
  const prompts: BatchPrompt[] = [];
  let next = from;
  for await (const line of readPrompts(plan.file, from)) {
    prompts.push(line.prompt);
    next = line.next;
    if (prompts.length === plan.chunk) break;
  }
  if (size !== plan.bytes || prompts.length === 0) {
    throw new RelearnError('invalid_rows', `${plan.file} has changed since the run began. Start another run.`);
  }
  return { prompts, next };
}

/** The logged conversations that prompts name by request id, redacted as they lie there. Rows may have gone meanwhile. */
async function readLogged(db: Database, prompts: readonly BatchPrompt[]): Promise<Map<string, Message[]>> {
  const ids = prompts.flatMap(({ asked }) => (typeof asked === 'string' ? [asked] : []));
  if (ids.length === 0) return new Map();
  const rows = await db.query<{ id: string; prompt: string }>(
    `select request_id as id, prompt from relearn.samples where request_id = any($1)
     union all
     select request_id as id, prompt from relearn.recent where request_id = any($1)`,
    [ids],
  );
  return new Map(rows.map(({ id, prompt }) => [id, promptMessages(prompt)]));
}

/** Asks all at once; when the model refuses, one by one, so that one prompt does not cost the others their answers. */
async function answerEach(answerer: Pick<Answerer, 'answerBatch'>, asked: readonly Asked[]): Promise<BatchAnswer[]> {
  const answerable = asked.filter(({ request }) => request.messages.length > 0);
  const answers = new Map<Asked, BatchAnswer>();
  try {
    await askInto(answers, answerer, answerable);
  } catch (error) {
    if (ownError(error) === undefined) throw error;
    for (const one of answerable) {
      try {
        await askInto(answers, answerer, [one]);
      } catch (problem) {
        const code = ownError(problem);
        if (code === undefined) throw problem;
        answers.set(one, { id: one.id, error: code });
      }
    }
  }
  return asked.map((one) => answers.get(one) ?? { id: one.id, error: 'request_not_found' });
}

async function askInto(
  answers: Map<Asked, BatchAnswer>,
  answerer: Pick<Answerer, 'answerBatch'>,
  asked: readonly Asked[],
): Promise<void> {
  const given = await answerer.answerBatch(asked.map(({ request }) => request));
  const responses = await Promise.all(given.map(({ text }) => redactToStore((redact) => redact(text))));
  for (const [place, { requestId, version, logprob }] of given.entries()) {
    const one = asked[place];
    if (one === undefined) continue;
    answers.set(one, { id: one.id, request_id: requestId, version, response: responses[place], logprob });
  }
}

function ownError(error: unknown): string | undefined {
  return error instanceof RelearnError && ownErrors.includes(error.code) ? error.code : undefined;
}
