import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/client';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { fillReviewQueue } from '../../src/correct/queue-fill.ts';
import { readCasesWithLearned } from '../../src/gate/run-cases.ts';
import { findErasure } from '../../src/log/erase-rows.ts';
import { storeFeedback } from '../../src/log/feedback.ts';
import { hashUser } from '../../src/log/hash-user.ts';
import { startErasure } from '../../src/log/start-erasure.ts';
import { getChampion } from '../../src/promote/registry.ts';
import { addTags } from '../../src/tag/tags.ts';
import { taskQueue, workflowId, type RetrainFinished } from '../../src/temporal.ts';
import type { DriftResponseInput } from '../../workflows/drift-response.ts';
import { examples, hashKey, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop((settings) => {
    const topics = settings.models[model];
    assert.ok(topics !== undefined);
    topics.retrain['afterErasure'] = true;
    topics.retrain['dataset'] = { preferences: ['openai', 'trl'] };
  });
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});

const user = hashUser(hashKey, 'zoe');
/** Stands in every prompt of the user who is erased, and nowhere else. */
const canary = 'zebrafinch';

async function askAs(name: string, rows: readonly { prompt: string; completion: string }[]) {
  const ids: string[] = [];
  for (const { prompt } of rows) {
    const messages = [{ role: 'user', content: prompt }];
    ids.push((await loop.answerer.answer({ model, messages, user: name, source: 'production' })).requestId);
  }
  await loop.log.flush();
  return ids.map((requestId, index) => ({ requestId, completion: rows[index]?.completion ?? '', operator: 'ann' }));
}

async function retrain(): Promise<RetrainFinished> {
  const handle = await loop.client.workflow.signalWithStart('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model }] },
    ...{ signal: 'trigger', signalArgs: [{ kind: 'manual', by: 'ann' }] },
  });
  return (await handle.result()) as RetrainFinished;
}

/** Everything Postgres and the datasets hold, as one text. */
async function everythingKept(except = ''): Promise<string> {
  const { db } = loop.database;
  const tables = await db.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'relearn' and table_type = 'BASE TABLE' and table_name <> $1`,
    [except],
  );
  const texts: string[] = [];
  for (const { name } of tables) texts.push(JSON.stringify(await db.query(`select * from relearn.${name}`)));
  const folder = join(loop.config.stateDir, 'datasets');
  for (const path of await readdir(folder, { recursive: true })) {
    if (/\.jsonl?$/.test(path)) texts.push(await readFile(join(folder, path), 'utf8'));
  }
  return texts.join('\n');
}

async function askAndCorrect(name: string, rows: readonly { prompt: string; completion: string }[]) {
  const corrections = await askAs(name, rows);
  await storeCorrections(
    loop.database.db,
    corrections.map((correction) => ({ ...correction, source: 'api' })),
  );
  return corrections.map(({ requestId }) => requestId);
}

/** An incident of the last hours, to which someone types a message as a correction; closed. Returns its workflow id. */
async function closeIncidentWith(incident: string, hours: number, typed: object): Promise<string> {
  const { db } = loop.database;
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ($1, $2, 'v1', 'by-hand', now(), now() - make_interval(hours => $3))`,
    [incident, model, hours],
  );
  const id = workflowId.driftResponse(model, incident);
  const input: DriftResponseInput = {
    ...{ model, incident, monitor: 'by-hand', minCorrected: 1000, graceMs: 0, deadlineAt: Date.now() + 3_600_000 },
  };
  const handle = await loop.client.workflow.start('driftResponse', { workflowId: id, taskQueue, args: [input] });
  await handle.signal('correction', typed);
  await until('it is noted', async () => {
    const noted = `select 1 from relearn.typed_corrections where workflow_id = $1 and request_sha256 ~ '^([0-9a-f]{64})?$'`;
    return (await db.query(noted, [id])).length > 0;
  });
  await handle.signal('closeReview', { by: 'ann', reason: 'enough' });
  await handle.result();
  return id;
}

async function untilGone(id: string): Promise<void> {
  await until('the closed run is gone', () =>
    loop.client.workflow
      .getHandle(id)
      .describe()
      .then(
        () => false,
        (error: unknown) => error instanceof WorkflowNotFoundError,
      ),
  );
}

/** Rows of the user in every table of review: queue, cards, proposals, Label Studio's, a reviewer's last steps. */
async function review(requestIds: readonly string[]): Promise<void> {
  const { db } = loop.database;
  await addTags(db, { tag: 'mine', requestIds, source: 'operator' });
  await fillReviewQueue(db, { models: [model] });
  for (const insert of [
    `relearn.review_cards (model, request_id, card, rank, position) select $2, id, id, 0, 0`,
    `relearn.proposals (model, request_id, proposer, completion, agreed, judged, reason)
       select $2, id, 'big', '${canary} proposed', true, false, ''`,
    `relearn.label_studio_tasks (model, url, project, request_id) select $2, 'http://labels', 1, id`,
    `relearn.label_studio_annotations (url, annotation_id, request_id, updated_at)
       select 'http://' || $2, row_number() over (), id, now()`,
    `relearn.review_actions (model, id, operator, action, request_ids)
       select $2, gen_random_uuid(), 'ann', 'skip', array['another', id]`,
  ]) {
    await db.query(`insert into ${insert} from unnest($1::text[]) id`, [requestIds, model]);
  }
  const waiting = `select 1 from relearn.review_queue where request_id = any($1)`;
  assert.equal((await db.query(waiting, [requestIds])).length, requestIds.length);
}

test('an erased user leaves every table and dataset; versions are marked and trained anew', async () => {
  const { db } = loop.database;
  const mine = await askAs(
    'zoe',
    examples(newTopics, 20, 90_000).map((row) => ({ ...row, prompt: `${row.prompt} ${canary}` })),
  );
  const others = await askAs('max', examples(newTopics, 40, 100_000));
  await review(mine.map(({ requestId }) => requestId));
  // What is typed is corrected afterwards: a label of the user's own text would be learned, and be an answer to others.
  const closed = await closeIncidentWith('typed', 1, { ...mine[0], completion: `${canary} typed by hand` });
  await storeCorrections(
    db,
    [...mine, ...others].map((correction) => ({ ...correction, source: 'api' })),
  );
  await storeFeedback(db, {
    ...{ requestId: mine[0]?.requestId ?? '', kind: 'report', comment: `${canary} complains`, userIdHash: user },
  });
  const learned = await retrain();
  assert.equal(learned.status, 'promoted');
  const before = await getChampion(db, model);
  assert.ok((await everythingKept()).includes(canary));

  await startErasure(loop.client.workflow, user, 'ann');
  await loop.client.workflow.getHandle(workflowId.eraseUser(user)).result();
  const receipt = (await findErasure(db, user))?.receipt;
  assert.ok(receipt != null);
  assert.equal(receipt.requests, 20);
  assert.deepEqual(
    [receipt.deleted['samples'], receipt.deleted['corrections'], receipt.deleted['feedback']],
    [20, 21, 1],
  );
  assert.deepEqual(receipt.tainted, [`${model}/${before.version}`]);
  assert.equal(receipt.datasets.length, 1);
  assert.equal(receipt.datasets[0]?.id, before.dataset);
  assert.equal(receipt.deletedRuns, 1);
  assert.deepEqual(receipt.retrains, [model]);
  await untilGone(closed);

  await until('a version without them serves', async () => (await getChampion(db, model)).version !== before.version);
  await until(
    'the run has ended',
    async () => (await db.query(`select 1 from relearn.retrain_runs where state = 'running'`)).length === 0,
  );
  const kept = await everythingKept();
  assert.ok(
    !kept.includes(canary),
    `a text of the user is left: ${kept.slice(kept.indexOf(canary) - 300, kept.indexOf(canary) + 100)}`,
  );
  // Which dataset learned from which request is kept: so that an audit finds the versions.
  const named = await everythingKept('dataset_rows');
  const left = mine.find(({ requestId }) => named.includes(requestId))?.requestId ?? '';
  assert.equal(left, '', named.slice(named.indexOf(left) - 300, named.indexOf(left) + 100));
  const outside = kept.replaceAll(JSON.stringify(await db.query(`select * from relearn.erasures`)), '');
  assert.ok(!outside.replaceAll(/"action":"erase_user"[^}]*/g, '').includes(user), 'the hash is left on a row');
  const [champion] = await db.query<{ tainted: boolean }>(
    `select tainted_at is not null as tainted from relearn.aliases join relearn.versions using (model, version)`,
  );
  assert.equal(champion?.tainted, false);
});

test('a user who only repeated others leaves the dataset and its version as they are', async () => {
  const { db } = loop.database;
  const said = examples(newTopics, 40, 120_000);
  await askAndCorrect('max', said);
  const copies = await askAndCorrect('ida', said.slice(0, 6));
  await retrain();
  const [made] = await db.query<{ dataset: string }>(`select dataset from relearn.versions order by n desc limit 1`);
  const dataset = made?.dataset ?? '';
  const splits = await db.query<{ split: string }>(
    `select distinct split from relearn.dataset_rows where dataset = $1 and request_id = any($2)`,
    [dataset, copies],
  );
  assert.deepEqual(splits, [{ split: 'duplicate' }]);

  const ida = hashUser(hashKey, 'ida');
  await startErasure(loop.client.workflow, ida, 'ann');
  await loop.client.workflow.getHandle(workflowId.eraseUser(ida)).result();
  const receipt = (await findErasure(db, ida))?.receipt;
  assert.deepEqual([receipt?.requests, receipt?.datasets, receipt?.tainted], [6, [], []]);
  const kept = await everythingKept();
  for (const requestId of copies) assert.ok(!kept.includes(requestId), 'an erased request is named');
  const { evals } = loop.config.models[model] ?? {};
  const cases = await readCasesWithLearned(evals?.pack ?? '', join(loop.config.stateDir, 'datasets', dataset));
  assert.ok(cases.cases.some(({ slice }) => slice.startsWith('learned/')));
});

test('text that was typed into an incident the row is no part of goes as well, and that which could not be read', async () => {
  const { db } = loop.database;
  const [mine] = await askAs('uma', examples(newTopics, 1, 130_000));
  const [other] = await askAs('max', examples(newTopics, 1, 131_000));
  // Said before, so that typing it leaves no trace among the corrections.
  await storeCorrections(db, [{ requestId: '', completion: '', operator: '', ...mine, source: 'api' }]);
  const elsewhere = await closeIncidentWith('elsewhere', 0, { ...mine });
  const garbled = await closeIncidentWith('garbled', 0, { request: mine?.requestId, completion: canary });
  const innocent = await closeIncidentWith('innocent', 0, { ...other });
  const tagged = await db.query(`select 1 from relearn.tags where request_id = $1 and incident <> ''`, [
    mine?.requestId,
  ]);
  assert.equal(tagged.length, 0);

  const uma = hashUser(hashKey, 'uma');
  await startErasure(loop.client.workflow, uma, 'ann');
  await loop.client.workflow.getHandle(workflowId.eraseUser(uma)).result();
  assert.equal((await findErasure(db, uma))?.receipt?.deletedRuns, 2);
  await untilGone(elsewhere);
  await untilGone(garbled);
  await loop.client.workflow.getHandle(innocent).describe();
  assert.deepEqual(await db.query(`select workflow_id as id from relearn.typed_corrections`), [{ id: innocent }]);
});

test('an erasure that is asked for again finds nothing, and harms nobody', async () => {
  const { db } = loop.database;
  const rows = async () =>
    (await db.query<{ n: number }>(`select count(*) as n from relearn.samples where source = 'production'`))[0]?.n;
  const before = await rows();
  await startErasure(loop.client.workflow, user, 'ann');
  await loop.client.workflow.getHandle(workflowId.eraseUser(user)).result();
  const receipt = (await findErasure(db, user))?.receipt;
  assert.deepEqual(receipt, { requests: 0, deleted: {}, datasets: [], tainted: [], deletedRuns: 0, retrains: [] });
  assert.equal(await rows(), before);
});
