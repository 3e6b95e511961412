import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { messageText, type Message } from '../../src/chat.ts';
import { configSchema } from '../../src/config.ts';
import { createRedactor, redactionRules, type RedactionOptions } from '../../src/log/redact/index.ts';
import { newRequestId } from '../../src/log/request-id.ts';
import { createAnswerer } from '../../src/serve/answer.ts';
import type { RawAnswer } from '../../src/serve/log-answer.ts';
import { holdModel } from '../../src/serve/serving.ts';
import { startFakeAnalyzer } from '../log/redact/fake-analyzer.ts';
import { eventually } from '../until.ts';
import { openMemoryLog } from './memory-log.ts';

/** An answerer with a redactor as configured, over a model that keeps what it read. */
function setUp(redaction: RedactionOptions, { reads = 'redacted', learnedWith = '', text = 'billing' } = {}) {
  const config = configSchema.parse({ models: { triage: { serve: { kind: 'onnx' } } }, log: { redaction } });
  const read: string[] = [];
  const { serving } = holdModel(
    {
      version: 'v1',
      readsRedacted: reads === 'redacted',
      ...(learnedWith === '' ? {} : { redactorVersion: learnedWith }),
      answer(conversations) {
        read.push(...conversations.map((messages) => messages.map(messageText).join('|')));
        return Promise.resolve(conversations.map(() => ({ text, logprob: -0.1 })));
      },
      async close() {},
    },
    { model: 'triage', lowConfidenceBelow: -0.5, healthyRate: 1, since: new Date(0) },
  );
  const redactor = createRedactor(config.log.redaction);
  const { log, rows, dropped } = openMemoryLog(redactor);
  const answerer = createAnswerer({
    ...{ config, redactor, log },
    champions: { get: () => serving },
    versions: { use: (_model, _version, work) => work(serving) },
  });
  const ask = (content: Message['content'], more: Message[] = []) =>
    answerer.answer({ model: 'triage', messages: [...more, { role: 'user', content }], source: 'production' });
  return { flush: () => log.flush(), ask, read, rows, dropped };
}

/** An answer on its way to the log. Its text says nothing to be asked about. */
function newAnswer(content: string, logprob: number): RawAnswer {
  return {
    served: { model: 'triage', version: 'v1', lowConfidenceBelow: -3, healthyRate: 0 },
    requestId: newRequestId(),
    ...{
      ts: new Date(),
      incident: null,
      user: undefined,
      source: 'production',
      latencyMs: 1,
      redacted: 'none',
      flagged: false,
    },
    messages: [{ role: 'user', content }],
    completion: { message: { role: 'assistant', content: '…' }, logprob, cutOff: false },
  };
}

async function withAnalyzer(t: TestContext) {
  const analyzer = await startFakeAnalyzer(['Ann Lee', 'Bob']);
  t.after(async () => {
    analyzer.release();
    await analyzer.close();
  });
  return analyzer;
}

test('an endpoint answers before the second redactor has, and its row waits for that', async (t) => {
  const analyzer = await withAnalyzer(t);
  const { flush, ask, rows } = setUp({ chain: analyzer.chain }, { reads: 'raw', text: 'Dear Bob, a@b.org' });
  analyzer.become('holds');
  assert.equal((await ask('I am Ann Lee, 😀 bob@x.com')).text, 'Dear Bob, a@b.org');
  assert.deepEqual(rows, []);
  analyzer.release();
  await flush();
  assert.deepEqual(
    rows.map(({ prompt, response }) => [prompt, response]),
    [['I am [PERSON], 😀 [EMAIL]', 'Dear [PERSON], [EMAIL]']],
  );
  assert.ok(!analyzer.texts.join().includes('@'), 'it is asked about redacted text');
});

test('while the second redactor fails, answers are given and rows are dropped and counted', async (t) => {
  const analyzer = await withAnalyzer(t);
  analyzer.become('fails');
  for (const reads of ['raw', 'redacted']) {
    const { flush, ask, rows, dropped, read } = setUp({ chain: analyzer.chain }, { reads });
    assert.equal((await ask('Ann Lee: bob@x.com')).text, 'billing');
    await flush();
    assert.deepEqual([rows, dropped], [[], ['redaction_failed']]);
    assert.deepEqual(read, [reads === 'raw' ? 'Ann Lee: bob@x.com' : 'Ann Lee: [EMAIL]']);
  }
});

test('the second redactor is asked first about rows that are kept for a reason', async (t) => {
  const analyzer = await withAnalyzer(t);
  const { log, rows } = openMemoryLog(createRedactor({ chain: analyzer.chain }));
  analyzer.become('holds');
  for (let n = 0; n < 30; n += 1) void log.add(newAnswer(`healthy ${n}`, -0.1));
  void log.add(newAnswer('risky', -9));
  await eventually(() => analyzer.texts.length, 8);
  analyzer.release();
  analyzer.become('holds');
  await eventually(() => analyzer.texts.length, 16);
  assert.ok(analyzer.texts.includes('risky'), 'among the next eight');
  analyzer.release();
  await log.flush();
  assert.equal(rows.length, 31);
});

test('an embedded model reads what both redactors made of the prompt, and each is asked once', async (t) => {
  const analyzer = await withAnalyzer(t);
  const { flush, ask, read, rows } = setUp({ chain: analyzer.chain });
  await ask('Ann Lee: bob@x.com');
  await flush();
  assert.deepEqual(read, ['[PERSON]: [EMAIL]']);
  assert.equal(rows[0]?.prompt, '[PERSON]: [EMAIL]');
  assert.deepEqual(analyzer.texts, ['Ann Lee: [EMAIL]', 'billing']);
});

test('tool calls stay JSON when the second redactor marks what is in them', async (t) => {
  const analyzer = await withAnalyzer(t);
  const { flush, ask, rows } = setUp({ chain: analyzer.chain }, { reads: 'raw' });
  const call = { id: 'c1', type: 'function', function: { name: 'mail', arguments: '{"to":"Ann Lee","Bob":["x"]}' } };
  await ask('sent?', [{ role: 'assistant', content: null, tool_calls: [call] }]);
  await flush();
  assert.deepEqual(JSON.parse(rows[0]?.prompt ?? ''), [
    {
      ...{ role: 'assistant', content: null },
      tool_calls: [{ ...call, function: { name: 'mail', arguments: '{"to":"[PERSON]","[PERSON]":["x"]}' } }],
    },
    { role: 'user', content: 'sent?' },
  ]);
});

/** An answer to a request that offers a tool of this description, as an endpoint's is handed to the log. */
function answerOffering(description: string): RawAnswer {
  const tools = [{ type: 'function', function: { name: 'mail', description } }];
  return {
    served: { model: 'triage', version: 'v1', lowConfidenceBelow: -0.5, healthyRate: 1 },
    ...{ requestId: newRequestId(), ts: new Date(), incident: null, user: undefined, source: 'production' },
    ...{ flagged: false, latencyMs: 1, redacted: 'none' },
    messages: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], tools }),
    completion: JSON.stringify({ choices: [{ message: { content: 'hello' } }] }),
  };
}

test('tools are redacted once for all requests that offer the same', async (t) => {
  const analyzer = await withAnalyzer(t);
  const { log, rows, dropped } = openMemoryLog(createRedactor({ chain: analyzer.chain }));
  const add = async (description: string) => {
    void log.add(answerOffering(description));
    await log.flush();
  };
  await add('writes to Ann Lee, bob@x.com');
  const asked = analyzer.texts.length;
  await add('writes to Ann Lee, bob@x.com');
  assert.deepEqual(analyzer.texts.slice(asked), ['hello'], 'of the second row only what was said');
  analyzer.become('fails');
  await add('writes to Ann Lee');
  assert.deepEqual(
    rows.map(({ tools }) => tools),
    Array(2).fill(
      '{"tools":[{"type":"function","function":{"name":"mail","description":"writes to [PERSON], [EMAIL]"}}]}',
    ),
  );
  assert.deepEqual(dropped, ['redaction_failed']);
});

test('tools that are new each time are redacted, too', async () => {
  const { log, rows } = openMemoryLog(createRedactor());
  const long = 'x '.repeat(300_000);
  for (let n = 0; n < 9; n += 1) void log.add(answerOffering(`${n} ${long} bob@x.com`));
  await log.flush();
  assert.equal(rows.length, 9);
  for (const [n, { tools }] of rows.entries()) {
    assert.ok(tools?.includes(`"${n} x`) === true && tools.endsWith('[EMAIL]"}}]}'), `row ${n}`);
  }
});

for (const reads of ['raw', 'redacted']) {
  test(`prompt and response of a row share their numbers where the model reads ${reads} text`, async () => {
    const { flush, ask, rows } = setUp({ numbered: true }, { reads, text: 'x@y.org or bob@x.com' });
    await ask('bob@x.com');
    await ask('eve@x.com');
    await flush();
    assert.deepEqual(
      rows.map(({ prompt, response }) => [prompt, response]),
      [
        ['[EMAIL_1]', '[EMAIL_2] or [EMAIL_1]'],
        ['[EMAIL_1]', '[EMAIL_2] or [EMAIL_3]'],
      ],
    );
  });
}

test('a model reads as it learned, and the log is redacted as configured', async (t) => {
  const analyzer = await withAnalyzer(t);
  const text = 'NINO AB 12 34 56 C of Ann Lee, bob@x.com';
  const { chain } = analyzer;
  const cases: [RedactionOptions, string, string, string][] = [
    [
      { packs: ['uk-nino'] },
      redactionRules,
      'NINO AB 12 34 56 C of Ann Lee, [EMAIL]',
      'NINO [GOV_ID] of Ann Lee, [EMAIL]',
    ],
    [
      {},
      `${redactionRules}+numbered`,
      'NINO AB 12 34 56 C of Ann Lee, [EMAIL_1]',
      'NINO AB 12 34 56 C of Ann Lee, [EMAIL]',
    ],
    [{ chain }, redactionRules, 'NINO AB 12 34 56 C of Ann Lee, [EMAIL]', 'NINO AB 12 34 56 C of [PERSON], [EMAIL]'],
    [
      { chain },
      `${redactionRules}+uk-nino+chain:en:0.95:*`,
      'NINO [GOV_ID] of Ann Lee, [EMAIL]',
      'NINO AB 12 34 56 C of [PERSON], [EMAIL]',
    ],
    [
      {},
      `${redactionRules}+chain:en:0.5:*`,
      'NINO AB 12 34 56 C of Ann Lee, [EMAIL]',
      'NINO AB 12 34 56 C of Ann Lee, [EMAIL]',
    ],
    [{}, 'relearn-redact/1', 'NINO AB 12 34 56 C of Ann Lee, [EMAIL]', 'NINO AB 12 34 56 C of Ann Lee, [EMAIL]'],
    [{}, "somebody else's", 'NINO AB 12 34 56 C of Ann Lee, [EMAIL]', 'NINO AB 12 34 56 C of Ann Lee, [EMAIL]'],
  ];
  for (const [redaction, learnedWith, wantedRead, wantedLogged] of cases) {
    const { flush, ask, read, rows } = setUp(redaction, { learnedWith });
    await ask(text);
    await flush();
    assert.deepEqual([read, rows[0]?.prompt], [[wantedRead], wantedLogged], learnedWith);
  }
});
