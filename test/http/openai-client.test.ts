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
  await gateway.writer.flush();
  const rows = await gateway.db.query<{ user: string }>(
    `select user_id_hash as user from relearn.samples union all select user_id_hash from relearn.recent`,
  );
  assert.deepEqual(rows, [{ user: hashUser('test key', 'u1') }]);
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
  await assert.rejects(
    client.chat.completions.create({ model: 'triage', messages: [{ role: 'user', content: 'hello' }], stream: true }),
    { status: 400, code: 'unsupported' },
  );
});
