import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { configSchema } from '../../src/config.ts';
import { RelearnError } from '../../src/errors.ts';
import { exactCase, type CaseSet } from '../../src/gate/pack.ts';
import type { AskedCases } from '../../src/gate/run-cases.ts';
import { drawCases, goldPlan, nextGoldStep } from '../../src/watch/gold-plan.ts';
import { probeGoldSet } from '../../src/watch/gold-probe.ts';
import { goldBaseline } from '../../src/watch/gold-runs.ts';
import { openIncident } from '../../src/watch/incidents.ts';
import { listRegressions } from '../../src/watch/regressions.ts';
import { createTestDatabase, type TestDatabase } from '../stack.ts';

let stack: TestDatabase;
before(async () => {
  stack = await createTestDatabase();
});
after(() => stack.close());
beforeEach(() => stack.db.query('truncate relearn.gold_runs, relearn.incidents'));

const gold: CaseSet = {
  ...{ sha256: 'g1', fileSha256: 'g1' },
  cases: Array.from({ length: 100 }, (_, n) => ({
    ...exactCase([{ role: 'user', content: `question ${n}` }], 'right', 'all'),
    id: `case-${n}`,
  })),
};
const key = { model: 'm', modelVersion: 'v1', goldSha256: 'g1' };
const upstream = { kind: 'upstream', url: 'http://127.0.0.1:1/v1', upstreamModel: 'm' };

function settingsOf(serve: object, drift: object = {}) {
  const config = configSchema.parse({ models: { m: { serve, drift: { gold: 'gold.jsonl', ...drift } } } });
  const settings = config.models['m'];
  assert.ok(settings);
  return settings;
}

/** Asks as the activity does; `isRight` stands in for the model. */
function probe(id: string, isRight: (question: string, turn: number) => boolean, more: object = {}) {
  let turn = 0;
  const score = async ({ cases }: AskedCases) => {
    if (turn > 100) throw new RelearnError('upstream_failed', 'no answer');
    turn += 1;
    return cases.map(({ id, slice, messages: [question] }) => ({
      ...{ case: id, slice, passed: isRight(typeof question?.content === 'string' ? question.content : '', turn) },
    }));
  };
  const options = { db: stack.db, score, logger: { warn() {} } };
  const asked = { model: 'm', version: 'v1', gold, settings: settingsOf(upstream), id, now: false, ...more };
  return probeGoldSet(options, asked);
}

test('an upstream is asked five times at deployment, then 60 cases an hour; an ONNX champion once, then at every look', async () => {
  const plan = goldPlan(settingsOf(upstream));
  assert.deepEqual([plan.baselineRepeats, plan.cases, plan.everySeconds, plan.confirms], [5, 60, 3600, true]);
  const onnx = goldPlan(settingsOf({ kind: 'onnx' }));
  assert.deepEqual([onnx.baselineRepeats, onnx.cases, onnx.everyLook, onnx.confirms], [1, undefined, true, false]);

  await probe('one', () => true);
  assert.equal((await goldBaseline(stack.db, key))?.repeats, 5);
  assert.equal(await probe('two', () => true), null, 'not due');
  assert.equal((await probe('three', () => true, { now: true }))?.cases, 60);
});

test('a step that runs twice stores one run and draws the same cases; another look draws others', async () => {
  await probe('base', () => true);
  await probe('look', () => true, { now: true });
  await probe('look', () => false, { now: true });
  const runs = await stack.db.query<{ passed: number }>(`select passed from relearn.gold_runs where purpose = 'probe'`);
  assert.deepEqual(runs, [{ passed: 60 }]);
  const ids = (seed: string) => drawCases(gold.cases, 60, seed).map(({ id }) => id);
  assert.deepEqual(ids('look'), ids('look'));
  assert.notDeepEqual(ids('look'), ids('other'));
});

test('the cases that are drawn are a random sample: every case comes up as often', () => {
  const times = new Map<string, number>();
  for (let n = 0; n < 500; n += 1) {
    for (const { id } of drawCases(gold.cases, 60, `look ${n}`)) times.set(id, (times.get(id) ?? 0) + 1);
  }
  assert.equal(times.size, 100);
  for (const count of times.values()) assert.ok(count > 245 && count < 355, `${count}`);
});

test('repeats of a case are averaged, and a case fails when most of its repeats did', async () => {
  await probe('base', () => true);
  const settings = settingsOf(upstream, { goldSet: { repeats: 3, cases: 100 } });
  const isRight = (question: string, turn: number) =>
    question === 'question 1' ? turn > 2 : question !== 'question 2' || turn <= 2;
  const run = await probe('look', isRight, { now: true, settings });
  assert.ok(Math.abs((run?.passed ?? 0) - (98 + 1 / 3 + 2 / 3)) < 1e-9, `${run?.passed}`);
  const [stored] = await stack.db.query<{ failed: string[] }>(
    `select failed_cases as failed from relearn.gold_runs where id = 'look'`,
  );
  assert.deepEqual(stored?.failed, ['case-1']);
});

test('a baseline that was cut short is completed, but never after the first probe', () => {
  const plan = goldPlan(settingsOf(upstream));
  const history = { baselineRuns: 2, probes: 0, idleSeconds: 10 };
  assert.deepEqual(nextGoldStep(history, plan, false), { baseline: 3 });
  assert.equal(nextGoldStep({ ...history, probes: 1 }, plan, false), 'wait');
  assert.equal(nextGoldStep({ ...history, probes: 1, idleSeconds: 3500 }, plan, false), 'probe');
});

test('the incident lists the cases that flipped, by id, paired with the baseline', async () => {
  await probe('base', (question, turn) => question !== 'question 7' && (question !== 'question 8' || turn > 1));
  const { id } = await openIncident(stack.db, {
    ...{ model: 'm', modelVersion: 'v1', monitor: 'gold_set', detectedAt: new Date(), figures: {} },
    ...{ windowHours: 12, hotWindowHours: 24 },
  });
  const settings = settingsOf(upstream, { goldSet: { cases: 100 } });
  const isRight = (question: string) => !/ (3|8|7)$/.test(question);
  for (const look of ['one', 'two']) await probe(look, isRight, { now: true, settings });
  const counts = { failed: 2, asked: 2, baseline_asked: 5 };
  assert.deepEqual(await listRegressions(stack.db, id), {
    probes: 2,
    regressions: [
      { case: 'case-3', ...counts, baseline_failed: 0 },
      { case: 'case-8', ...counts, baseline_failed: 1 },
    ],
    improved: 0,
  });
});
