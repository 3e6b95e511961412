import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openStrongerModel } from '../src/correct/relabel/ask.ts';
import { relabelConfig } from '../src/correct/relabel/config.ts';
import { relabelQueue } from '../src/correct/relabel/relabel.ts';
import { openScorers } from '../src/gate/scorers.ts';
import { insertRows } from '../src/log/insert-rows.ts';
import { ensureAhead } from '../src/log/partitions.ts';
import { useRedaction } from '../src/log/redact/index.ts';
import { removeTags } from '../src/tag/remove-tags.ts';
import { addTags } from '../src/tag/tags.ts';
import { newRow } from './log/new-row.ts';
import { startFakeAnalyzer } from './log/redact/fake-analyzer.ts';
import { fakeCompletion, startFakeUpstream } from './serve/fake-upstream.ts';
import { createTestDatabase, type TestDatabase } from './stack.ts';

/** What the first redactor knows, and what only the second does. */
const canaries = ['canary.bird@example.com', 'Canaria Birdwell'];
const text = `I am ${canaries[1] ?? ''}, canary.bird@example.com`;

let database: TestDatabase;
let analyzer: Awaited<ReturnType<typeof startFakeAnalyzer>>;
let endpoint: Awaited<ReturnType<typeof startFakeUpstream>>;

before(async () => {
  analyzer = await startFakeAnalyzer(canaries.slice(1));
  endpoint = await startFakeUpstream(() => fakeCompletion(text));
  database = await createTestDatabase();
  await ensureAhead(database.db, 2);
  useRedaction({ chain: analyzer.chain });
});
after(async () => {
  await endpoint.close();
  await analyzer.close();
  await database.close();
});

function assertClean(sink: string, held: string): void {
  assert.match(held, /\[PERSON\].*\[EMAIL\]/, `${sink} holds the redacted text`);
  for (const canary of canaries) assert.ok(!held.includes(canary), `${sink} holds "${canary}"`);
}

test('what a stronger model proposes is stored as both redactors leave it', async () => {
  const { db } = database;
  const row = newRow({ prompt: 'who are you?', responseLogprob: -6 });
  await insertRows(db, [row]);
  await addTags(db, { tag: 'operator_review', requestIds: [row.requestId], source: 'operator' });
  const settings = relabelConfig.parse({ url: endpoint.url, model: 'big' });
  const stronger = openStrongerModel(settings, { labels: null, secret: () => undefined });
  await relabelQueue(db, stronger, { model: row.model, labels: null, maxPerHour: 10 });
  await stronger.close();
  const stored = await db.query(`select p::text as row from relearn.proposals p`);
  assertClean('a proposal', JSON.stringify(stored));
});

test('a judge and an embeddings endpoint get what both redactors leave, and nothing while the second one fails', async () => {
  const at = { url: endpoint.url, model: 'm', timeoutSeconds: 60, retries: 0 };
  const scorers = openScorers({ judge: at, embeddings: at }, () => undefined);
  const given = { messages: [{ role: 'user', content: text }], text, latencyMs: 1 };
  try {
    endpoint.become(() => fakeCompletion('{"pass":true}'));
    assert.deepEqual(await scorers.rubric(given, 'is kind'), { passed: true, score: 1 });
    assertClean('a question to the judge', endpoint.received.map(({ raw }) => raw).join(''));
    analyzer.become('fails');
    endpoint.received.length = 0;
    await assert.rejects(scorers.rubric(given, 'is kind'), { code: 'redactor_unavailable' });
    await assert.rejects(scorers.similarity(text, [text]), { code: 'redactor_unavailable' });
    assert.equal(endpoint.received.length, 0);
  } finally {
    analyzer.become('answers');
    await scorers.close();
  }
});

test('why a tag was taken off is stored as both redactors leave it', async () => {
  const { db } = database;
  const row = newRow({});
  await insertRows(db, [row]);
  await addTags(db, { tag: 'mine', requestIds: [row.requestId], source: 'operator' });
  await removeTags(db, { tag: 'mine', requestIds: [row.requestId], actor: 'ann', reason: text });
  assertClean('a reason', JSON.stringify(await db.query(`select reason from relearn.tag_removals`)));
});
