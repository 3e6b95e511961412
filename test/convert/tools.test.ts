import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { KnownTexts } from '../../src/convert/copies.ts';
import { buildDataset } from '../../src/convert/dataset.ts';
import { splitOf } from '../../src/convert/split.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import { startTestGateway, testConfig } from '../http/fixtures.ts';
import { fakeChunk, fakeCompletion, startFakeUpstream } from '../serve/fake-upstream.ts';

let upstream: Awaited<ReturnType<typeof startFakeUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let url: string;
let directory: string;
before(async () => {
  upstream = await startFakeUpstream(() => fakeCompletion('unused'));
  const serve = { kind: 'upstream', url: upstream.url, upstreamModel: 'big' };
  gateway = await startTestGateway({ config: testConfig({ models: { chat: { serve } } }) });
  await gateway.deployUpstream('chat');
  url = `${await gateway.listen()}/chat/completions`;
  directory = await mkdtemp(join(tmpdir(), 'relearn-tools-'));
});
after(async () => {
  await gateway.close();
  await upstream.close();
  await rm(directory, { recursive: true });
});

const callOf = (city: string, id = 'call_9tK2xV4bQ7') => ({
  ...{ id, type: 'function' },
  function: { name: 'weather', arguments: `{"city":"${city}","days":3}` },
});
const calling = (city: string) => ({ role: 'assistant', content: null, tool_calls: [callOf(city)] });
const properties = {
  city: { type: 'string', description: 'as in {"city":"Bonn"}', default: 'Bonn' },
  days: { maximum: 14 },
};
const parameters = { type: 'object', properties, required: ['city'], additionalProperties: false };
const weather = { name: 'weather', description: 'Forecast. Fails? ann@example.com', strict: true, parameters };
const tool = { type: 'function', function: weather };
const stored = { ...tool, function: { ...weather, description: 'Forecast. Fails? [EMAIL]' } };

/** A question that is not held out. */
function question(about: string): string {
  const asked = Array.from({ length: 50 }, (_, n) => `what is the weather ${about} ${'so '.repeat(n)}?`);
  return asked.find((text) => splitOf(text) === 'train') ?? '';
}

async function ask(body: object): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chat', ...body }),
  });
  await response.text();
  assert.equal(response.status, 200);
  return response.headers.get('x-request-id') ?? '';
}

async function build(name: string): Promise<unknown[]> {
  const { path } = await buildDataset(gateway.db, {
    ...{ model: 'chat', run: 1, triggers: ['manual'], cutoffSeq: 1_000_000, directory, reserved: new KnownTexts() },
    ...{ taggedBefore: new Date(Date.now() + 60_000), preferences: ['openai', 'trl'] as const },
  });
  const lines = (await readFile(join(path, `${name}.jsonl`), 'utf8')).split('\n').filter(Boolean);
  return lines.map((line): unknown => JSON.parse(line));
}

async function correct(requestId: string, completion: string): Promise<void> {
  assert.equal((await gateway.storedRow(requestId))?.requestId, requestId);
  await storeCorrections(gateway.db, [{ requestId, completion, operator: 'ann', source: 'api' }]);
}

test('a conversation that calls tools goes from the request to each format of a dataset unharmed', async () => {
  const turns = [
    { role: 'system', content: 'You forecast.' },
    { role: 'user', content: question('in Bonn') },
    { ...calling('Bonn'), tool_calls: [callOf('Bonn', 'call_1'), callOf('Köln', 'call_2')] },
    { role: 'tool', content: '{"rain": 0.4}', tool_call_id: 'call_1' },
    { role: 'tool', content: 'unknown', tool_call_id: 'call_2' },
    { role: 'user', content: 'and in Kiel?' },
  ];
  const offered = { tools: [tool], parallel_tool_calls: false, tool_choice: 'auto' };
  upstream.become(() => fakeCompletion({ content: null, tool_calls: [callOf('Keil')] }));
  const whole = await ask({ messages: turns, ...offered });
  const older = [{ role: 'user', content: question('today') }];
  upstream.become(() => fakeCompletion({ content: 'Where?' }));
  const legacy = await ask({ messages: older, functions: [weather] });
  const streamedTurns = [{ role: 'user', content: question('tomorrow in Kiel') }];
  const piece = (part: object) => fakeChunk({ tool_calls: [{ index: 0, ...part }] });
  const { id, function: called } = callOf('Kiel');
  upstream.become(() => ({
    chunks: [
      piece({ id, type: 'function', function: { name: 'weather', arguments: '' } }),
      piece({ function: { arguments: called.arguments } }),
      fakeChunk({}, { finish: 'tool_calls' }),
    ],
  }));
  const streamed = await ask({ messages: streamedTurns, stream: true, tools: [tool] });
  upstream.become(() => fakeCompletion('It rains.'));
  const plain = [{ role: 'user', content: question('nowhere') }];
  const without = await ask({ messages: plain, tools: [], parallel_tool_calls: true });

  await correct(whole, JSON.stringify(calling('Kiel')));
  await correct(legacy, 'Where, please?');
  await correct(streamed, (await gateway.storedRow(streamed))?.response ?? '');
  await correct(without, 'It is dry.');
  const kept = { tools: [stored], parallel_tool_calls: false };
  assert.deepEqual(await build('train'), [
    { messages: [...turns, calling('Kiel')], ...kept },
    {
      messages: [...older, { role: 'assistant', content: 'Where, please?' }],
      functions: [stored.function],
    },
    { messages: [...streamedTurns, calling('Kiel')], tools: [stored] },
    { messages: [...plain, { role: 'assistant', content: 'It is dry.' }] },
  ]);
  const [openai] = await build('preferences.openai');
  assert.deepEqual(openai, {
    input: { messages: turns, ...kept },
    preferred_output: [calling('Kiel')],
    non_preferred_output: [calling('Keil')],
  });
  const trl = await build('preferences.trl');
  assert.deepEqual(trl[0], { prompt: turns, chosen: [calling('Kiel')], rejected: [calling('Keil')], ...kept });
  assert.equal(trl.length, 3, 'the streamed answer was right');
  const columns = await gateway.db.query<{ name: string }>(
    `select column_name as name from information_schema.columns where table_schema = 'relearn' and table_name = 'log'`,
  );
  assert.equal(columns.length, 9, 'the view of the log stays as it was');
});

test('what is not a list of tools is left out, and its row is not lost', async () => {
  upstream.become(() => fakeCompletion('yes'));
  for (const offered of [{ tools: {} }, { tools: 'all', functions: null }, { tools: null, parallel_tool_calls: 1 }]) {
    const row = await gateway.storedRow(await ask({ messages: [{ role: 'user', content: 'hello' }], ...offered }));
    assert.deepEqual([row?.response, row?.tools], ['yes', null]);
  }
});
