import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { messageText } from '../../src/chat.ts';
import { RelearnError } from '../../src/errors.ts';
import type { AnswerRequest } from '../../src/serve/answer.ts';
import { answerChunk, type Chunk } from '../../src/serve/answer-chunk.ts';
import { readPart } from '../../src/serve/batch-folder.ts';
import { fileStart } from '../../src/serve/prompt-file.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let directory = '';
let database: TestDatabase;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'relearn-chunk-'));
  database = await createTestDatabase();
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

/** A remote endpoint, faked: it echoes, refuses a request that says "refuse" and is busy when one says "busy". */
function remoteEndpoint() {
  const asked: string[] = [];
  return {
    asked,
    async answerBatch(requests: readonly AnswerRequest[]) {
      return requests.map(({ messages, requestId = '' }) => {
        const [first] = messages;
        const text = first === undefined ? '' : messageText(first);
        asked.push(requestId);
        if (text === 'refuse') throw new RelearnError('upstream_rejected', 'The upstream refused the request (400).');
        if (text === 'busy') throw new RelearnError('upstream_busy', 'The upstream limits the rate of requests (429).');
        return { requestId, version: 'v1', text, logprob: -1, latencyMs: 1 };
      });
    },
  };
}

async function chunkOf(name: string, prompts: readonly object[]): Promise<Chunk> {
  const file = join(directory, `${name}.jsonl`);
  await writeFile(file, prompts.map((prompt) => JSON.stringify(prompt)).join('\n'));
  const { size: bytes } = await stat(file);
  const plan = { model: 'm', version: null, source: 'production', file, bytes, prompts: prompts.length } as const;
  return {
    plan: { ...plan, output: directory, chunk: 10, everyMs: 0 },
    part: 0,
    from: fileStart,
    at: 1_700_000_000_000,
  };
}

const run = (answerer: ReturnType<typeof remoteEndpoint>, chunk: Chunk, flushLog = () => Promise.resolve()) =>
  answerChunk({ db: database.db, answerer, flushLog, signal: new AbortController().signal }, 'batch', chunk);

test('a prompt that the model refuses, or a row that is gone, does not cost the others their answers', async () => {
  const prompts = [
    { prompt: 'a' },
    { prompt: 'refuse' },
    { request_id: 'chatcmpl-gone' },
    { prompt: 'ann@example.com' },
  ];
  const chunk = await chunkOf('refused', prompts);
  const outcome = await run(remoteEndpoint(), chunk);
  assert.deepEqual([outcome.prompts, outcome.failed, outcome.next.line], [4, 2, 4]);
  const answers = await readPart(directory, 0);
  assert.deepEqual(
    answers?.map(({ id, response, error }) => [id, response ?? error]),
    [
      [1, 'a'],
      [2, 'upstream_rejected'],
      [3, 'request_not_found'],
      [4, '[EMAIL]'],
    ],
  );
  await rm(join(directory, 'part-00000.jsonl'));
});

test('a chunk that runs again gives the same request ids, and is not asked again once its part is written', async () => {
  const chunk = await chunkOf('again', [{ prompt: 'a' }, { prompt: 'b' }]);
  const first = remoteEndpoint();
  const outcome = await run(first, chunk);
  const second = remoteEndpoint();
  assert.deepEqual(await run(second, chunk), outcome);
  assert.deepEqual(second.asked, []);
  await rm(join(directory, 'part-00000.jsonl'));
  assert.deepEqual(await run(second, chunk), outcome);
  assert.deepEqual(second.asked, first.asked);
  assert.equal(new Set(first.asked).size, 2);
  await rm(join(directory, 'part-00000.jsonl'));
});

test('a worker that ends before the rows of a chunk are stored leaves no part: they are logged by the next one', async () => {
  const chunk = await chunkOf('killed', [{ prompt: 'a' }, { prompt: 'b' }]);
  const [first, second] = [remoteEndpoint(), remoteEndpoint()];
  await assert.rejects(
    run(first, chunk, () => Promise.reject(new Error('killed'))),
    /killed/,
  );
  await run(second, chunk);
  assert.deepEqual(second.asked, first.asked);
  await rm(join(directory, 'part-00000.jsonl'));
});

test('an endpoint that is busy leaves no part: the whole chunk is tried again', async () => {
  const chunk = await chunkOf('busy', [{ prompt: 'a' }, { prompt: 'busy' }]);
  await assert.rejects(run(remoteEndpoint(), chunk), { code: 'upstream_busy' });
  assert.equal(await readPart(directory, 0), null);
});

test('a file that changes under the run is an error', async () => {
  const chunk = await chunkOf('changed', [{ prompt: 'a' }]);
  await writeFile(chunk.plan.file, '{"prompt":"a"}\n{"prompt":"b"}\n');
  await assert.rejects(run(remoteEndpoint(), chunk), /has changed since the run began/);
});
