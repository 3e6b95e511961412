import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageText } from '../../src/chat.ts';
import { configSchema } from '../../src/config.ts';
import { hashUser } from '../../src/log/hash-user.ts';
import { redactText } from '../../src/log/redact/index.ts';
import { requestTime } from '../../src/log/request-id.ts';
import { createAnswerer, type AnswerRequest } from '../../src/serve/answer.ts';
import type { ServedModel } from '../../src/serve/model.ts';
import { holdModel } from '../../src/serve/serving.ts';
import { redactorOf } from '../log/redact/fake-redactor.ts';
import { openMemoryLog } from './memory-log.ts';

const config = configSchema.parse({
  models: {
    triage: { serve: { kind: 'onnx' }, sampling: { healthyRate: 0 } },
    silent: { serve: { kind: 'onnx' } },
    elsewhere: { serve: { kind: 'upstream', url: 'http://127.0.0.1:1/v1', upstreamModel: 'large' } },
  },
});

/** An answerer over one model that keeps what the model read and what was logged. */
function setUp({ logprob = -0.1, readsRedacted = true, redact = redactText, text = 'billing' } = {}) {
  const read: string[][] = [];
  const calls: number[] = [];
  const served = (version: string): ServedModel => ({
    version,
    readsRedacted,
    async answer(conversations) {
      calls.push(conversations.length);
      read.push(...conversations.map((messages) => messages.map(messageText)));
      return conversations.map(() => ({ text, logprob }));
    },
    async close() {},
  });
  const hold = (version: string) =>
    holdModel(served(version), { model: 'triage', lowConfidenceBelow: -0.5, healthyRate: 0, since: new Date(0) });
  const champion = hold('v1');
  const redactor = redactorOf(redact);
  const { log, rows, dropped } = openMemoryLog(redactor);
  const answerer = createAnswerer({
    config,
    champions: { get: (model) => (model === 'triage' ? champion.serving : undefined) },
    versions: { use: (_model, version, work) => work(hold(version).serving) },
    ...{ log, redactor },
    now: () => 1_700_000_000_123,
  });
  return { answerer, champion, read, calls, rows, dropped };
}

const ask = (content: string, more: Partial<AnswerRequest> = {}): AnswerRequest => ({
  model: 'triage',
  messages: [{ role: 'user', content }],
  source: 'production',
  ...more,
});

test('the row holds what the answer says, at the time the request id holds', async () => {
  const { answerer, rows } = setUp({ logprob: -0.25 });
  const answered = await answerer.answer(ask('where is my card', { user: 'u1' }));
  const [row] = rows;
  assert.ok(row);
  assert.deepEqual(row, {
    requestId: answered.requestId,
    ts: new Date(1_700_000_000_123),
    model: 'triage',
    modelVersion: 'v1',
    prompt: 'where is my card',
    response: 'billing',
    tools: null,
    latencyMs: answered.latencyMs,
    userIdHash: hashUser('key', 'u1'),
    responseLogprob: -0.25,
    source: 'production',
    keptBecause: null,
    inclusionProbability: 0,
    incident: null,
  });
  assert.deepEqual(requestTime(answered.requestId), row.ts);
  assert.deepEqual([answered.version, answered.text, answered.logprob], ['v1', 'billing', -0.25]);
});

test('an embedded model reads the redacted prompt, an upstream what the user wrote; the log is redacted for both', async () => {
  for (const readsRedacted of [true, false]) {
    const { answerer, read, rows } = setUp({ readsRedacted, text: 'write to bob@example.com' });
    const answered = await answerer.answer(ask('mail ann@example.com please'));
    assert.deepEqual(read, [[readsRedacted ? 'mail [EMAIL] please' : 'mail ann@example.com please']]);
    assert.equal(answered.text, 'write to bob@example.com');
    assert.deepEqual([rows[0]?.prompt, rows[0]?.response], ['mail [EMAIL] please', 'write to [EMAIL]']);
  }
});

test('each text is redacted once', async () => {
  const seen: string[] = [];
  const { answerer } = setUp({
    redact: (text) => {
      seen.push(text);
      return redactText(text);
    },
  });
  await answerer.answer({
    ...ask(''),
    messages: [
      { role: 'system', content: 'sort' },
      { role: 'user', content: 'hello' },
    ],
  });
  assert.deepEqual(seen, ['sort', 'hello', 'billing']);
});

test('when the prompt cannot be redacted the answer is given and the row is dropped and counted', async () => {
  const { answerer, rows, dropped, read } = setUp({
    redact: (text) => {
      if (text.includes('trap')) throw new Error(`cannot redact ${text}`);
      return redactText(text);
    },
  });
  assert.equal((await answerer.answer(ask('a trap'))).text, 'billing');
  assert.deepEqual(read, [['a trap']]);
  assert.deepEqual(rows, []);
  assert.deepEqual(dropped, ['redaction_failed']);
  await answerer.answer(ask('no harm'));
  assert.equal(rows.length, 1);
});

test('when the response cannot be redacted the row is dropped and counted', async () => {
  const { answerer, rows, dropped } = setUp({
    redact: (text) => {
      if (text === 'billing') throw new Error('cannot');
      return redactText(text);
    },
  });
  assert.equal((await answerer.answer(ask('hello'))).text, 'billing');
  assert.deepEqual([rows.length, dropped], [0, ['redaction_failed']]);
});

test('an answer below the threshold of the version is kept as low confidence', async () => {
  const { answerer, rows } = setUp({ logprob: -0.51 });
  await answerer.answer(ask('hello'));
  assert.deepEqual([rows[0]?.keptBecause, rows[0]?.inclusionProbability], ['low_confidence', 1]);
});

test('while an incident collects, a production row is kept as post_drift and names it, a probe is not', async () => {
  const { answerer, champion, rows } = setUp();
  champion.setIncident('i1');
  await answerer.answer(ask('hello'));
  await answerer.answer(ask('hello', { source: 'probe' }));
  assert.deepEqual(
    rows.map(({ keptBecause, incident }) => [keptBecause, incident]),
    [
      ['post_drift', 'i1'],
      [null, 'i1'],
    ],
  );
});

test('a batch calls the model once and logs a row for each request, in order', async () => {
  const { answerer, calls, rows } = setUp();
  const answers = await answerer.answerBatch(['one', 'two', 'three'].map((text) => ask(text, { source: 'eval' })));
  assert.deepEqual(calls, [3]);
  assert.deepEqual(
    rows.map(({ requestId, prompt, source }) => [requestId, prompt, source]),
    answers.map(({ requestId }, place) => [requestId, ['one', 'two', 'three'][place], 'eval']),
  );
  assert.deepEqual(await answerer.answerBatch([]), []);
});

test('a named version that is not champion answers, and the row says so', async () => {
  const { answerer, rows } = setUp();
  assert.equal((await answerer.answer(ask('hello', { version: 'v7' }))).version, 'v7');
  assert.equal((await answerer.answer(ask('hello', { version: 'v1' }))).version, 'v1');
  assert.deepEqual(
    rows.map((row) => row.modelVersion),
    ['v7', 'v1'],
  );
});

const refused: [name: string, request: AnswerRequest, code: string, message: RegExp][] = [
  ['an unknown model', ask('hello', { model: 'secret words' }), 'model_not_found', /triage, silent/],
  [
    'a model named like a property of every object',
    ask('hello', { model: 'constructor' }),
    'model_not_found',
    /triage/,
  ],
  ['a model without champion', ask('hello', { model: 'silent' }), 'model_not_ready', /relearn train --model silent/],
  ['an endpoint not registered yet', ask('hello', { model: 'elsewhere' }), 'model_not_ready', /`relearn migrate`/],
  ['no message', { ...ask(''), messages: [] }, 'empty_prompt', /at least one message/],
  ['white space', ask(' \n\t '), 'empty_prompt', /at least one message/],
];
for (const [name, request, code, message] of refused) {
  test(`${name} is refused with ${code}, and nothing is logged`, async () => {
    const { answerer, rows, dropped, calls } = setUp();
    await assert.rejects(answerer.answer(request), (error: Error & { code?: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret words/);
      return true;
    });
    assert.deepEqual([rows, dropped, calls], [[], [], []]);
  });
}

test('a batch for two models is refused', async () => {
  const { answerer } = setUp();
  await assert.rejects(answerer.answerBatch([ask('one'), ask('two', { version: 'v2' })]), { code: 'invalid_request' });
});
