import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { hashUser } from '../../src/log/hash-user.ts';
import { startTestGateway } from './fixtures.ts';

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let client: OpenAI;
before(async () => {
  gateway = await startTestGateway();
  await gateway.promote('');
  await gateway.champions.refresh();
  await gateway.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = gateway.app.server.address() as AddressInfo;
  client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'any', maxRetries: 0 });
});
after(() => gateway.close());

test("OpenAI's client completes a chat and knows the request id", async () => {
  const completion = await client.chat.completions.create({
    model: 'triage',
    messages: [{ role: 'user', content: 'pay the loan back early' }],
    temperature: 0,
    safety_identifier: 'u1',
  });
  assert.equal(completion.choices[0]?.message.content, 'loan');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  assert.equal(completion._request_id, completion.id);
  assert.equal(completion.model, 'triage');
  assert.equal((await gateway.storedRow(completion.id))?.userIdHash, hashUser('test key', 'u1'));
});

test("OpenAI's client lists and retrieves models", async () => {
  const models = await client.models.list();
  assert.deepEqual(
    models.data.map(({ id, object, owned_by: owner }) => [id, object, owner]),
    [['triage', 'model', 'relearn']],
  );
  const model = await client.models.retrieve('triage');
  assert.ok(model.created > 0);
});

test("OpenAI's client reads errors with their code", async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'other', messages: [{ role: 'user', content: 'hello' }] }),
    (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.deepEqual([error.code, error.type], ['model_not_found', 'invalid_request_error']);
      return true;
    },
  );
  const tool = { type: 'function' as const, function: { name: 'weather' } };
  await assert.rejects(
    client.chat.completions.create({ model: 'triage', messages: [{ role: 'user', content: 'hello' }], tools: [tool] }),
    (error) => error instanceof OpenAI.BadRequestError && error.code === 'unsupported',
  );
});

test("OpenAI's client streams a champion's answer, several times and with usage and logprobs when it asks", async () => {
  const runner = client.chat.completions.stream({
    ...{ model: 'triage', n: 2, logprobs: true, stream_options: { include_usage: true } },
    messages: [{ role: 'user', content: 'block the card' }],
  });
  const { id, choices, usage } = await runner.finalChatCompletion();
  assert.deepEqual(
    choices.map(({ message, finish_reason: end }) => [message.content, end]),
    [
      ['card', 'stop'],
      ['card', 'stop'],
    ],
  );
  assert.equal(usage?.total_tokens, 0);
  const row = await gateway.storedRow(id);
  assert.equal(row?.response, 'card');
  const [token] = choices[0]?.logprobs?.content ?? [];
  assert.equal(token?.token, 'card');
  assert.ok(Math.abs(token.logprob - (row.responseLogprob ?? 0)) < 1e-6);
});

test("OpenAI's client gets several answers, and logprobs only when it asks", async () => {
  const ask = { model: 'triage', messages: [{ role: 'user' as const, content: 'block the card' }] };
  const twice = await client.chat.completions.create({ ...ask, n: 2, logprobs: true });
  assert.deepEqual(
    twice.choices.map(({ index, message }) => [index, message.content]),
    [
      [0, 'card'],
      [1, 'card'],
    ],
  );
  assert.ok((twice.choices[1]?.logprobs?.content?.[0]?.logprob ?? 0) < 0);
  const once = await client.chat.completions.create(ask);
  assert.equal(once.choices[0]?.logprobs, null);
});
