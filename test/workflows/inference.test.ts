import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { z } from 'zod';
import type { BatchInput } from '../../src/serve/batch-plan.ts';
import { taskQueue } from '../../src/temporal.ts';
import { examples, kill, knownTopics, model, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

const resultSchema = z.object({ status: z.literal('done'), prompts: z.number(), failed: z.number(), file: z.string() });
const answerSchema = z.object({
  id: z.union([z.string(), z.number()]),
  request_id: z.string(),
  version: z.string(),
  response: z.string(),
  logprob: z.number(),
});

async function writeBatch(name: string, lines: readonly object[]): Promise<string> {
  const path = join(loop.directory, name);
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

const start = (input: BatchInput) =>
  loop.client.workflow.start('inference', { workflowId: `batch-${randomUUID()}`, taskQueue, args: [input] });

async function finish(handle: { result(): Promise<unknown> }) {
  const result = resultSchema.parse(await handle.result());
  const lines = (await readFile(result.file, 'utf8')).trimEnd().split('\n');
  return { result, answers: lines.map((line) => answerSchema.parse(JSON.parse(line))) };
}

async function logged() {
  return loop.database.db.query<{ request_id: string; prompt: string; source: string }>(
    `select request_id, prompt, source from relearn.samples union all select request_id, prompt, source from relearn.recent`,
  );
}

test('a worker killed in the middle of 1,000 prompts leaves one answer and one logged row of each', async () => {
  const rows = examples(knownTopics, 1000, 30_000).map(({ prompt, completion }, index) => ({
    ...{ id: `row ${index}`, completion },
    messages: [{ role: 'user', content: `${prompt} ${index}, write to ann@example.com` }],
  }));
  const file = await writeBatch('thousand.jsonl', rows);
  const handle = await start({ model, prompts: { file }, output: join(loop.directory, 'thousand'), chunk: 5 });
  const answered = async () =>
    (await handle.query<{ prompts?: number }>('state').catch(() => ({ prompts: 0 }))).prompts;

  const first = await loop.spawnWorker(10);
  await until('some are answered', async () => ((await answered()) ?? 0) >= 200);
  await kill(first);
  const second = await loop.spawnWorker(10);
  const { result, answers } = await finish(handle);
  await kill(second);

  assert.deepEqual([result.prompts, result.failed], [1000, 0]);
  assert.deepEqual(
    answers.map(({ id }) => id),
    rows.map(({ id }) => id),
  );
  const right = answers.filter(({ response }, index) => response === rows[index]?.completion);
  assert.ok(right.length > 950, 'the champion knows these topics');
  const stored = await logged();
  assert.deepEqual(
    stored.map(({ request_id }) => request_id).sort(),
    answers.map(({ request_id }) => request_id).sort(),
  );
  assert.equal(new Set(stored.map(({ prompt }) => prompt)).size, 1000);
  assert.ok(stored.every(({ prompt, source }) => prompt.includes('write to [EMAIL]') && source === 'production'));
  assert.deepEqual((await readdir(join(loop.directory, 'thousand'))).sort(), ['answers.jsonl', 'joined', 'run.json']);

  await until('a second run is listed: a long batch continues as new', async () => {
    const { count } = await loop.client.workflow.count(`WorkflowId = '${handle.workflowId}'`);
    return count >= 2;
  });
});

test('a broken line fails with file and line before anything is answered, and without its text', async () => {
  await loop.startWorker();
  const before = (await logged()).length;
  const file = await writeBatch('broken.jsonl', [
    { prompt: 'rain' },
    { prompt: 'snow' },
    { prompt: '  ', secret: 'x7q' },
  ]);
  const handle = await start({ model, prompts: { file }, output: join(loop.directory, 'broken') });
  await assert.rejects(handle.result(), (error) => {
    assert.ok(error instanceof WorkflowFailedError);
    const { message } = (error.cause?.cause ?? error) as Error;
    assert.match(message, /broken\.jsonl:3: /);
    assert.doesNotMatch(message, /x7q/);
    return true;
  });
  assert.equal((await logged()).length, before);
});

test('an input that people mistype fails and says what was wanted', async () => {
  const input: unknown = { model, prompts: { fil: 'x' }, output: 'y' };
  const handle = await loop.client.workflow.start('inference', {
    ...{ workflowId: `batch-${randomUUID()}`, taskQueue, args: [input] },
  });
  await assert.rejects(handle.result(), (error) => {
    assert.ok(error instanceof WorkflowFailedError);
    assert.match(((error.cause?.cause ?? error) as Error).message, /prompts: wanted \{"file"/);
    return true;
  });
});

test('a folder with the answers of another run is not written over', async () => {
  const file = await writeBatch('small.jsonl', [{ prompt: 'rain and snow' }]);
  const output = join(loop.directory, 'small');
  const { answers } = await finish(await start({ model, prompts: { file }, output, source: 'eval' }));
  assert.deepEqual(
    answers.map(({ id, response }) => [id, response]),
    [[1, 'weather']],
  );
  await assert.rejects((await start({ model, prompts: { file }, output })).result());
});

test('logged rows are answered again by request id or by tag, redacted, and as an eval when the caller says so', async () => {
  const sent = await loop.send(examples(['banking'], 5, 90_000));
  const ids = [...sent.keys()];
  await loop.database.db.query(
    `insert into relearn.tags (request_id, tag, model, source) select unnest($1::text[]), 'again', $2, 'operator'`,
    [ids.slice(0, 3), model],
  );
  await loop.database.db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, inclusion_probability, source, kept_because)
     select request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash, response_logprob, 1,
       source, 'flagged' from relearn.recent where request_id = any($1) on conflict do nothing`,
    [ids],
  );
  const byId = await finish(
    await start({ model, source: 'eval', prompts: { requests: ids }, output: join(loop.directory, 'by-id') }),
  );
  assert.deepEqual(
    byId.answers.map(({ id, response }) => [id, response]),
    ids.map((id) => [id, 'banking']),
  );
  const again = new Set(byId.answers.map(({ request_id }) => request_id));
  const stored = (await logged()).filter(({ request_id }) => again.has(request_id));
  assert.deepEqual(
    stored.map(({ source }) => source),
    Array.from(ids, () => 'eval'),
  );

  const byTag = await finish(
    await start({ model, source: 'eval', prompts: { log: { tag: 'again' } }, output: join(loop.directory, 'by-tag') }),
  );
  assert.deepEqual(byTag.answers.map(({ id }) => id).sort(), ids.slice(0, 3).sort());
});

test('a rate limit sends no more than a second’s requests at once and waits between chunks', async () => {
  const file = await writeBatch('paced.jsonl', examples(knownTopics, 22, 95_000));
  const output = join(loop.directory, 'paced');
  const handle = await start({ model, source: 'probe', prompts: { file }, output, chunk: 100, requestsPerSecond: 10 });
  const { answers } = await finish(handle);
  assert.equal(answers.length, 22);
  const { events } = await handle.fetchHistory();
  const timers = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => (timer ? [timer] : []));
  assert.deepEqual(
    timers.map(({ startToFireTimeout: time }) => Number(time?.seconds)),
    [1, 1],
  );
  const chunks = (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: activity }) => activity?.activityType?.name === 'infer',
  );
  assert.equal(chunks.length, 3, 'ten, ten and two');
});
