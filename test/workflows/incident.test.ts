import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { WorkflowNotFoundError, WorkflowUpdateStage, type WorkflowHandle } from '@temporalio/client';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { getIncident, openIncident } from '../../src/watch/incidents.ts';
import { startDriftResponse } from '../../src/watch/start-response.ts';
import type { CorrectionOutcome } from '../../workflows/correction-inbox.ts';
import type {
  Carried,
  DriftResponseInput,
  DriftResponseResult,
  DriftResponseState,
} from '../../workflows/drift-response.ts';
import { examples, model, newTopics, startLoop, until, type Loop } from '../loop.ts';
import { recordHistories } from '../record-histories.ts';

let loop: Loop;
let incident: string;
before(async () => {
  loop = await startLoop();
  await loop.startWorker();
});
after(async () => {
  await recordHistories(loop.client);
  await loop.close();
});
beforeEach(async () => {
  const { db } = loop.database;
  await db.query(`update relearn.incidents set state = 'closed' where state <> 'resolved'`);
  await db.query(`truncate relearn.corrections, relearn.tags`);
  incident = `by-hand-${randomUUID()}`;
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start)
     values ($1, $2, 'v1', 'by-hand', now(), now() - interval '1 second')`,
    [incident, model],
  );
});

type Handle = WorkflowHandle<(input: DriftResponseInput) => Promise<DriftResponseResult>>;

function begin(input: Partial<DriftResponseInput> = {}): Promise<Handle> {
  return loop.client.workflow.start('driftResponse', {
    ...{ workflowId: workflowId.driftResponse(model, incident), taskQueue },
    args: [
      {
        ...{ model, incident, monitor: 'by-hand', minCorrected: 20, graceMs: 0 },
        ...{ deadlineAt: Date.now() + 3_600_000, ...input },
      },
    ],
  });
}

async function respond(input: Partial<DriftResponseInput> = {}): Promise<Handle> {
  const handle = await begin(input);
  await until('it collects', async () => (await stateOf(handle)).phase === 'collecting');
  await loop.champions.refresh(); // gateways keep its rows when they hear of it
  return handle;
}

/** A server that is busy may refuse a query. */
const stateOf = (handle: Handle) =>
  until('its state is told', () => handle.query<DriftResponseState>('state').catch(() => undefined));

async function corrections(count: number, operator = 'ann') {
  const truth = await loop.send(examples(newTopics, count, Math.floor(Math.random() * 1e6)));
  return [...truth].map(([requestId, completion]) => ({ requestId, completion, operator }));
}

const storedCount = async () =>
  (await loop.database.db.query<{ n: number }>(`select count(*) as n from relearn.corrections`))[0]?.n;

test('what arrives while the incident closes is stored and answered', async () => {
  const handle = await respond();
  const [first, one, two] = await corrections(3);
  await handle.signal('correction', first);
  await until('it is past keeping rows', async () => (await stateOf(handle)).accepted === 1);
  await loop.database.db.transaction(async (tx) => {
    await tx.query(`select 1 from relearn.incidents where id = $1 for update`, [incident]);
    await handle.signal('closeReview', { by: 'ann', reason: 'enough' });
    await until('it is closing, and waits for the row', async () => {
      const waiting = await loop.database.db.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%relearn.incidents%'`,
      );
      return waiting.length > 0;
    });
    await handle.signal('correction', one);
    await handle.startUpdate('submitCorrections', {
      args: [{ batch: 'late', corrections: [two] }],
      waitForStage: WorkflowUpdateStage.ACCEPTED,
    });
  });
  assert.equal((await handle.result()).status, 'closed');
  assert.equal(await storedCount(), 3);
});

test('a correction that comes right after a count is counted too, though nothing follows it', async () => {
  const handle = await respond();
  const [first, ...rest] = await corrections(3);
  await handle.signal('correction', first);
  await until('it is counted', async () => (await stateOf(handle)).corrected === 1);
  for (const [index, message] of rest.entries()) {
    await storeCorrections(loop.database.db, [{ ...message, source: 'api' }]);
    await handle.signal('correctionsRecorded', { ids: [message.requestId] });
    await until('it is counted', async () => (await stateOf(handle)).corrected === index + 2);
  }
  await handle.signal('closeReview', { by: 'ann' });
  assert.equal((await handle.result()).status, 'closed');
});

test('updates that arrive together are answered each with its own rows', async () => {
  const handle = await respond({ minCorrected: 1000 });
  const sent = await corrections(12);
  const batches = Array.from({ length: 6 }, (_, n) => [
    ...sent.slice(2 * n, 2 * n + 2),
    { requestId: `unknown ${n}`, completion: 'weather', operator: 'ann' },
  ]);
  const answers = await Promise.all(
    batches.map((batch, n) =>
      handle.executeUpdate<{ corrections: CorrectionOutcome[] }, [unknown]>('submitCorrections', {
        args: [{ batch: `batch ${n}`, corrections: batch }],
      }),
    ),
  );
  const wanted = batches.map((batch) =>
    batch.map(({ requestId }) => ({
      requestId,
      status: requestId.startsWith('unknown') ? 'unknown_request' : 'stored',
    })),
  );
  assert.deepEqual(
    answers.map((answer) => answer.corrections),
    wanted,
  );
  await handle.signal('closeReview', { by: 'ann' });
  await handle.result();
});

test('messages that are none are ignored with a reason, and block nobody', async () => {
  const handle = await respond();
  const [good] = await corrections(1);
  for (const bad of [null, 7, 'text', [], {}, { ...good, requestId: 'a\u0000b' }, { ...good, operator: '\u0000' }]) {
    await handle.signal('correction', bad);
  }
  await handle.signal('nonsense', { a: 1 });
  await handle.signal('retrainFinished', { status: 'well' });
  await handle.signal('correction', good);
  const state = await until('the good one is stored', async () => {
    const now = await stateOf(handle);
    return now.accepted === 1 && now;
  });
  assert.equal(state.ignored, 9);
  await handle.signal('closeReview', null);
  assert.equal((await handle.result()).reason, 'closed by unknown.');
});

test('below minCorrected it never triggers, and is skipped at its deadline with its count', async () => {
  const messages = await corrections(3);
  const handle = await begin({ minCorrected: 10, deadlineAt: Date.now() + 12_000 });
  for (const message of messages) {
    await handle.signal('correction', message).catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error; // the deadline came first
    });
  }
  const result = await handle.result();
  assert.equal(result.status, 'skipped');
  assert.match(result.reason, /^skipped: [0-3] of 10 corrected$/);
  const runs = await loop.database.db.query(`select 1 from relearn.retrain_runs`);
  assert.equal(runs.length, 0);
});

test('a refused run that others asked for does not move what it waits for', async () => {
  const handle = await respond({ minCorrected: 4 });
  for (const message of await corrections(2)) await handle.signal('correction', message);
  await handle.signal('retrainFinished', { run: 99, status: 'refused', reason: 'a test' });
  await until('the outcome is read', async () => (await stateOf(handle)).lastRetrain?.run === 99);
  assert.equal((await stateOf(handle)).target, 4);
  assert.equal((await stateOf(handle)).phase, 'collecting');
  await handle.signal('closeReview', { by: 'ann' });
  await handle.result();
});

test('two thousand signals, most of them repeats, continue as new, lose none and count each row once', async () => {
  const handle = await respond({ minCorrected: 100_000 });
  const { runId: first } = await handle.describe();
  const latest: Handle = loop.client.workflow.getHandle(handle.workflowId);
  const sent = await corrections(100);
  const queue = Array.from({ length: 2000 }, (_, index) => sent[index % 100]);
  const sendInTurn = async () => {
    for (let message = queue.pop(); message !== undefined; message = queue.pop()) {
      await latest.signal('correction', message);
    }
  };
  await Promise.all(Array.from({ length: 8 }, sendInTurn));
  const state = await until('all are dealt with', async () => {
    const now = await stateOf(latest).catch(() => undefined);
    return now !== undefined && now.accepted + now.repeated === 2000 && now;
  });
  assert.equal(state.accepted, 100);
  assert.equal(await storedCount(), 100);
  await until('it has continued as new', async () => (await latest.describe()).runId !== first);
  await latest.signal('closeReview', { by: 'ann' });
  await latest.result();
});

test('a retrain that is cancelled says so to the incident and leaves no run behind', async () => {
  const handle = await respond({ minCorrected: 1 });
  const wrong = (await corrections(12)).filter(({ completion }) => completion !== 'weather');
  await loop.client.workflow.start('retrain', {
    ...{ workflowId: workflowId.retrain(model), taskQueue, args: [{ model, pending: [{ kind: 'manual' }] }] },
  });
  await loop.client.workflow.getHandle(workflowId.retrain(model)).terminate('a test');
  for (const message of wrong) await handle.signal('correction', message);
  await until('a run has ended', async () => (await stateOf(handle)).lastRetrain !== null);
  await until('no run is left running', async () => {
    const rows = await loop.database.db.query(`select 1 from relearn.retrain_runs where state = 'running'`);
    return rows.length === 0;
  });
  await loop.client.workflow.getHandle(workflowId.retrain(model)).result();
  await handle.signal('closeReview', { by: 'ann' }).catch(() => undefined); // it may be cured
  await handle.result();
});

test('a person asks for the retrain before enough rows are corrected; the audit says who, and why', async () => {
  const handle = await respond({ minCorrected: 1000, graceMs: 3_600_000 });
  for (const message of await corrections(3)) await handle.signal('correction', message);
  await until('they are counted', async () => (await stateOf(handle)).corrected === 3);
  await handle.signal('retrainNow', { by: 'ann', reason: 'call +1 202 555 0143', key: 'console' });
  await until('its run has ended', async () => (await stateOf(handle)).lastRetrain !== null);
  const [noted] = await loop.database.db.query<{ actor: string; action: string; details: Record<string, string> }>(
    `select actor, action, details from relearn.audit where subject = $1 and action = 'incident_retraining'`,
    [incident],
  );
  assert.deepEqual([noted?.actor, noted?.details['key']], ['ann', 'console']);
  assert.match(noted?.details['reason'] ?? '', /^asked for by ann at \d+ of 1000 corrected\. call \[PHONE\]$/);
  await handle.signal('closeReview', { by: 'ann' });
  await handle.result();
});

test('drift that is detected in the grace time sends the incident back to collecting', async () => {
  const { db } = loop.database;
  const handle = await respond({ minCorrected: 1000, graceMs: 3_600_000 });
  await db.query(`update relearn.incidents set state = 'grace', collecting_until = now() where id = $1`, [incident]);
  // As after a promotion: what the run before this one carried over.
  await handle.terminate('a test');
  const carried: Carried = {
    phase: 'grace',
    target: 7,
    graceUntil: Date.now() + 3_600_000,
    lastRetrain: null,
    accepted: 0,
    repeated: 0,
    ignored: 0,
  };
  const again: Handle = await loop.client.workflow.start('driftResponse', {
    ...{ workflowId: workflowId.driftResponse(model, incident), taskQueue },
    args: [
      {
        ...{ model, incident, monitor: 'by-hand', minCorrected: 10, graceMs: 3_600_000 },
        ...{ deadlineAt: Date.now() + 3_600_000, carried },
      },
    ],
  });
  const settings = loop.config.models[model];
  assert.ok(settings !== undefined);
  const detection = {
    model,
    modelVersion: 'v1',
    monitor: 'by-hand',
    detectedAt: new Date(Date.now() + 1000),
    figures: {},
  };
  const { id } = await openIncident(db, { ...detection, windowHours: 12, hotWindowHours: 24 });
  assert.equal(id, incident);
  await startDriftResponse(loop.client.workflow, await getIncident(db, id), settings);
  const state = await until('it collects again', async () => {
    const now = await stateOf(again);
    return now.phase === 'collecting' && now;
  });
  assert.equal(state.target, 5);
  assert.equal((await getIncident(db, id)).state, 'collecting');
  await again.signal('closeReview', { by: 'ann' });
  await again.result();
});
