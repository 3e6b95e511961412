import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { hashUser } from '../../src/log/hash-user.ts';
import { redactText } from '../../src/log/redact/index.ts';
import { redactorOf } from '../log/redact/fake-redactor.ts';
import { startTestGateway } from './fixtures.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;
let gateway: Gateway;
before(async () => {
  gateway = await startTestGateway();
  await gateway.promote('');
  await gateway.champions.refresh();
});
after(() => gateway.close());

const completionSchema = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  system_fingerprint: z.string(),
  choices: z.tuple([z.object({ message: z.object({ role: z.literal('assistant'), content: z.string() }) })]),
  usage: z.object({ total_tokens: z.number() }),
});

async function complete(body: object, headers: Record<string, string> = {}, from = gateway) {
  const response = await from.app.inject({ method: 'POST', url: '/v1/chat/completions', payload: body, headers });
  assert.equal(response.statusCode, 200, response.body);
  const completion = completionSchema.parse(response.json());
  assert.equal(response.headers['x-request-id'], completion.id);
  return { ...completion, content: completion.choices[0].message.content };
}

const say = (content: unknown) => ({ model: 'triage', messages: [{ role: 'user', content }] });

async function storedRow(requestId: string, from = gateway) {
  await from.writer.flush();
  const rows = await from.db.query<Record<string, unknown>>(
    `select request_id, prompt, response, user_id_hash, model_version from relearn.samples where request_id = $1
     union all
     select request_id, prompt, response, user_id_hash, model_version from relearn.recent where request_id = $1`,
    [requestId],
  );
  assert.ok(rows.length <= 1);
  return rows[0];
}

test('POST /chat answers, and its row is stored redacted with the user hashed', async () => {
  const response = await gateway.app.inject({
    method: 'POST',
    url: '/chat',
    payload: { prompt: 'my card was stolen, write to ann@example.com', user_id: 'ann' },
  });
  const answer = z.object({ response: z.string(), request_id: z.string() }).parse(response.json());
  assert.equal(answer.response, 'card');
  assert.deepEqual(await storedRow(answer.request_id), {
    request_id: answer.request_id,
    prompt: 'my card was stolen, write to [EMAIL]',
    response: 'card',
    user_id_hash: hashUser('test key', 'ann'),
    model_version: 'v1',
  });
});

test('POST /v1/chat/completions answers in the shape of OpenAI, with the version as fingerprint', async () => {
  const completion = await complete(say('pay the loan back early'));
  assert.deepEqual([completion.content, completion.system_fingerprint], ['loan', 'v1']);
  assert.equal(completion.usage.total_tokens, 0);
});

test('text parts are joined, and a conversation is stored as its messages', async () => {
  const parts = [
    { type: 'text', text: 'block the ' },
    { type: 'text', text: 'card' },
  ];
  const { id } = await complete({
    model: 'triage',
    messages: [
      { role: 'system', content: 'sort' },
      { role: 'user', content: parts },
    ],
  });
  assert.equal(
    (await storedRow(id))?.['prompt'],
    '[{"role":"system","content":"sort"},{"role":"user","content":"block the card"}]',
  );
});

test('the user of the body and of the header x-user-id have the same hash', async () => {
  const fromBody = await complete({ ...say('a new card please'), user: 'u7' });
  const fromHeader = await complete(say('a new card please'), { 'x-user-id': 'u7' });
  const hash = hashUser('test key', 'u7');
  assert.equal((await storedRow(fromBody.id))?.['user_id_hash'], hash);
  assert.equal((await storedRow(fromHeader.id))?.['user_id_hash'], hash);
});

test('an embedded model’s answer is kept as flagged where its caller says so', async () => {
  const reasonFor = async (flag: string) => {
    const { id } = await complete(say('pay the loan back early'), { 'x-relearn-flag': flag });
    return (await gateway.storedRow(id))?.keptBecause;
  };
  assert.equal(await reasonFor('true'), 'flagged');
  assert.notEqual(await reasonFor('false'), 'flagged');
});

test('feedback right after the answer finds the row that is not written yet, and stores comment and correction', async () => {
  const { id } = await complete(say('loan interest'));
  const response = await gateway.app.inject({
    method: 'POST',
    url: '/v1/feedback',
    payload: { request_id: id, kind: 'thumbs_down', comment: 'mail ann@example.com', correction: ' card ', user: 'u7' },
  });
  assert.equal(response.statusCode, 200, response.body);
  assert.equal(z.object({ correction: z.string() }).parse(response.json()).correction, 'stored');
  const [stored] = await gateway.db.query(
    `select f.kind, f.comment, f.user_id_hash, c.completion, c.operator, c.source
     from relearn.feedback f join relearn.corrections c using (request_id) where f.request_id = $1`,
    [id],
  );
  const hash = hashUser('test key', 'u7');
  assert.deepEqual(stored, {
    kind: 'thumbs_down',
    comment: 'mail [EMAIL]',
    user_id_hash: hash,
    completion: 'card',
    operator: `user:${hash}`,
    source: 'feedback',
  });
});

test('readiness waits for the champion and names the model that misses one; health does not', async () => {
  const empty = await startTestGateway();
  const missing = await empty.app.inject('/readyz');
  assert.equal(missing.statusCode, 503);
  assert.match(missing.json<{ error: { message: string } }>().error.message, /triage/);
  assert.equal((await empty.app.inject('/healthz')).statusCode, 200);
  const refused = await empty.app.inject({ method: 'POST', url: '/chat', payload: { prompt: 'hello' } });
  assert.equal(refused.statusCode, 503);
  await empty.promote('');
  await empty.champions.refresh();
  assert.equal((await empty.app.inject('/readyz')).statusCode, 200);
  await empty.close();
});

test('metrics count requests by model, route and status, and models that are not configured under one name', async () => {
  await complete(say('block the card'));
  await gateway.app.inject({ method: 'POST', url: '/chat', payload: { prompt: 'hello', model: 'made-up-name' } });
  const { body, headers } = await gateway.app.inject('/metrics');
  assert.match(String(headers['content-type']), /text\/plain/);
  assert.match(body, /relearn_requests_total\{model="triage",route="\/v1\/chat\/completions",status="200"\} \d+/);
  assert.match(body, /relearn_requests_total\{model="unknown",route="\/chat",status="404"\} \d+/);
  assert.match(body, /relearn_request_seconds_bucket\{le="0.0005",model="triage",route="\/chat"\} \d+/);
  assert.match(body, /relearn_log_queued_rows \d+/);
  assert.doesNotMatch(body, /made-up-name/);
});

test('promotions under load fail no request, and each answer comes from the version it and its row name', async () => {
  const busy = await startTestGateway();
  await busy.promote('/v1');
  await busy.champions.refresh();
  let stop = false;
  const answers: { id: string; version: string; content: string }[] = [];
  async function askForever(): Promise<void> {
    while (!stop) {
      const { id, system_fingerprint: version, content } = await complete(say('block the card'), {}, busy);
      answers.push({ id, version, content });
    }
  }
  const askers = Array.from({ length: 16 }, askForever);
  for (const next of ['v2', 'v3']) {
    assert.equal(await busy.promote(`/${next}`), next);
    while (answers.at(-1)?.version !== next) await new Promise((resolve) => setImmediate(resolve));
  }
  stop = true;
  await Promise.all(askers);
  await busy.writer.flush();
  const rows = await busy.db.query<{ request_id: string; model_version: string; response: string }>(
    `select request_id, model_version, response from relearn.samples
     union all select request_id, model_version, response from relearn.recent`,
  );
  const byId = new Map(rows.map((row) => [row.request_id, row]));
  assert.equal(rows.length, answers.length);
  for (const { id, version, content } of answers) {
    assert.equal(content, `card/${version}`);
    assert.deepEqual(byId.get(id), { request_id: id, model_version: version, response: content });
  }
  assert.deepEqual([...new Set(answers.map(({ version }) => version))], ['v1', 'v2', 'v3']);
  await busy.close();
});

test('when redaction fails the request is answered, no row is written, it is counted and nothing raw is logged', async () => {
  const trapped = await startTestGateway({
    redactor: redactorOf((text) => {
      if (text.includes('canary')) throw new Error(`cannot redact ${text}`);
      return redactText(text);
    }),
  });
  await trapped.promote('');
  await trapped.champions.refresh();
  const { id, content } = await complete(say('canary: block the card'), {}, trapped);
  assert.equal(content, 'card');
  assert.equal(await storedRow(id, trapped), undefined);
  const metrics = await trapped.app.inject('/metrics');
  assert.match(metrics.body, /relearn_log_dropped_rows_total\{reason="redaction_failed"\} 1/);
  assert.doesNotMatch(trapped.lines.join('') + metrics.body, /canary/);
  await trapped.close();
});
