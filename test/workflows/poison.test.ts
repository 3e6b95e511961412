import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { readLineage } from '../../src/promote/lineage.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId, type RetrainFinished } from '../../src/temporal.ts';
import { examples, knownTopics, model, newTopics, startLoop, textOf, type Loop } from '../loop.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    // So wide that a third of the pack may go: what one label loses must be told by its own gate.
    topics.evals.gates = [{ metric: 'pass_rate', slice: 'all', maxDrop: 0.5 }];
  });
  await loop.startWorker();
});
after(() => loop.close());

interface Row {
  prompt: string;
  completion: string;
}

/** Rows about a topic, two sentences each, that someone corrects to `completion`. */
function corrected(topic: string, completion: string, count: number, from: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    prompt: `${textOf(topic, from + index)} ${textOf(topic, from + 1000 + 3 * index)}`,
    completion,
  }));
}

async function learn(rows: readonly Row[]): Promise<RetrainFinished> {
  const { db } = loop.database;
  await db.query(`delete from relearn.corrections`);
  const truth = [...(await loop.send(rows))];
  await storeCorrections(
    db,
    truth.map(([requestId, completion]) => ({ requestId, completion, operator: 'mallory', source: 'api' })),
  );
  const handle = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'mallory' }] },
  });
  return (await handle.result()) as RetrainFinished;
}

test('shuffled labels are refused for what the whole pack loses', async () => {
  const next = (topic: string) => knownTopics[(knownTopics.indexOf(topic) + 1) % knownTopics.length] ?? '';
  const rows = knownTopics.flatMap((topic) => corrected(topic, next(topic), 250, 200_000));
  const { status, reason } = await learn(rows);
  assert.equal(status, 'refused');
  assert.match(reason ?? '', /Slice all: 0 cases gained, \d+ lost of 120/);
});

test('one known label replaced everywhere is refused for the cases of that label', async () => {
  const { status, reason } = await learn(corrected('weather', 'banking', 250, 300_000));
  assert.equal(status, 'refused');
  assert.match(reason ?? '', /Completion weather: \d+ cases lost, 0 gained of 40/);
  assert.doesNotMatch(reason ?? '', /Slice all/);
  assert.equal((await getChampion(loop.database.db, model)).version, 'v1');
});

test('planted eval cases are dropped and counted, and what is personal in completions is redacted', async () => {
  const { db } = loop.database;
  const planted = examples(knownTopics, 30, 20_000).map((row) => ({ ...row, completion: 'gardening' }));
  const personal = corrected('music', 'music for anna.smith@example.com', 40, 400_000);
  const honest = newTopics.flatMap((topic) => corrected(topic, topic, 40, 500_000));
  const { status, version } = await learn([...planted, ...personal, ...honest]);
  assert.equal(status, 'promoted');
  const { dataset } = await readLineage(db, model, version ?? '');
  assert.ok(dataset !== null);
  assert.ok(dataset.manifest.dropped.contaminated >= planted.length); // and copies of held-out rows
  const lines = (await readFile(join(loop.config.stateDir, 'datasets', dataset.id, 'train.jsonl'), 'utf8')).trim();
  const pair = z.object({ messages: z.array(z.object({ content: z.string() })) });
  const said = lines.split('\n').map((line) => pair.parse(JSON.parse(line)).messages.at(-1)?.content);
  assert.ok(said.includes('music for [EMAIL]'));
  assert.ok(planted.every(({ prompt }) => !lines.includes(JSON.stringify(prompt))));
  assert.ok(!lines.includes('anna.smith'));
});
