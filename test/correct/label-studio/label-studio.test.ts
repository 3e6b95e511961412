import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import getPort from 'get-port';
import { z } from 'zod';
import { openLabelStudio, type LabelStudio } from '../../../src/correct/label-studio/client.ts';
import { pullAnnotations } from '../../../src/correct/label-studio/pull.ts';
import { pushQueue } from '../../../src/correct/label-studio/push.ts';
import { RelearnError } from '../../../src/errors.ts';
import { buildReview } from '../../../src/http/review.ts';
import { insertRows } from '../../../src/log/insert-rows.ts';
import { ensureAhead } from '../../../src/log/partitions.ts';
import { addTags } from '../../../src/tag/tags.ts';
import { memoryLogger, silentSignals, testConfig } from '../../http/fixtures.ts';
import { newRow } from '../../log/new-row.ts';
import { createTestDatabase, type TestDatabase } from '../../stack.ts';
import { patienceMs, until } from '../../until.ts';
import { labelStudioProgram } from './label-studio-program.ts';

const skip = existsSync(labelStudioProgram) ? false : 'not installed: npm run test:label-studio';
const token = '0123456789abcdef0123456789abcdef01234567';
const secret = 'a secret of the webhook';
const labels = ['ham', 'spam & more'];

let directory: string;
let url: string;
let server: ChildProcess;
let studio: LabelStudio;
let database: TestDatabase;
let app: FastifyInstance;
let project: number;
/** What Label Studio sent, as it came. */
const hooks: unknown[] = [];
const told: string[][] = [];

before(async () => {
  if (skip !== false) return;
  directory = await mkdtemp(join(tmpdir(), 'relearn-label-studio-'));
  url = await startLabelStudio(directory);
  studio = openLabelStudio({ url, token });
  database = await createTestDatabase();
  await ensureAhead(database.db, 1);
  const labelStudio = { url, tokenEnv: 'LS_TOKEN', webhookSecretEnv: 'LS_SECRET' };
  const { logger } = memoryLogger();
  app = buildReview({
    queuePatienceMs: patienceMs,
    config: testConfig({ models: { mail: { serve: { kind: 'onnx' }, labelStudio } } }),
    ...{ db: database.db, logger, secret: (name) => (name === 'LS_SECRET' ? secret : undefined) },
    signal: {
      ...silentSignals,
      correctionsRecorded: (_model, _incident, ids) => Promise.resolve(void told.push([...ids])),
    },
  });
  app.addHook('preHandler', (request, _reply, done) => {
    hooks.push(request.body);
    done();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  if (skip !== false) return;
  await app.close();
  await database.close();
  if (server.pid !== undefined && server.exitCode === null) {
    const gone = once(server, 'exit');
    process.kill(-server.pid, 'SIGKILL');
    await gone;
  }
  await rm(directory, { recursive: true, force: true });
});

/** The real server, on SQLite, sending nothing anywhere. Resolves when it answers. */
async function startLabelStudio(data: string): Promise<string> {
  const port = await getPort({ host: '127.0.0.1' });
  server = spawn(
    labelStudioProgram,
    ['start', '--no-browser', '--internal-host', '127.0.0.1', '--port', `${port}`, '--data-dir', data],
    {
      ...{ stdio: 'ignore', detached: true, cwd: data },
      env: {
        ...process.env,
        ...{
          LABEL_STUDIO_BASE_DATA_DIR: data,
          LABEL_STUDIO_USERNAME: 'ann@example.com',
          LABEL_STUDIO_PASSWORD: 'a-password',
        },
        ...{ LABEL_STUDIO_USER_TOKEN: token, LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN: 'true' },
        // Its webhooks go to private addresses only when told.
        ...{ SSRF_PROTECTION_ENABLED: 'false', COLLECT_ANALYTICS: 'false', SENTRY_DSN: '', FRONTEND_SENTRY_DSN: '' },
      },
    },
  );
  const address = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + 180_000; Date.now() < deadline;) {
    const answer = await fetch(`${address}/api/version`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return address;
    if (server.exitCode !== null) throw new Error(`Label Studio ended with ${server.exitCode}`);
    await sleep(500);
  }
  throw new Error('Label Studio did not answer in 3 minutes');
}

/** A person's browser, as far as the API goes. */
async function api<Schema extends z.ZodType>(method: string, path: string, schema: Schema, body?: object) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, text);
  return schema.parse(text === '' ? {} : JSON.parse(text));
}
const choose = (label: string) => ({
  result: [{ from_name: 'completion', to_name: 'prompt', type: 'choices', value: { choices: [label] } }],
});
const withId = z.object({ id: z.number() });

const push = () => pushQueue(database.db, studio, { model: 'mail', url, labels, limit: 100, holdDays: 7 });
const pull = () => pullAnnotations(database.db, studio, { model: 'mail', url }, () => Promise.resolve());
async function tasks(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const { id, requestId } of studio.listTasks(project)) {
    assert.ok(!found.has(requestId), 'each row is one task');
    found.set(requestId, id);
  }
  return found;
}
const current = async (requestId: string) =>
  (
    await database.db.query<{ completion: string; operator: string; source: string }>(
      `select completion, operator, source from relearn.current_corrections where request_id = $1`,
      [requestId],
    )
  )[0];
const corrected = (requestId: string, completion: string) =>
  until(`${requestId} is corrected`, async () => (await current(requestId))?.completion === completion);

test('the queue goes to Label Studio once, and is held there', { skip, timeout: 240_000 }, async () => {
  const { db } = database;
  const rows = ['r0', 'r1', 'r2'].map((requestId) => newRow({ requestId, prompt: `is ${requestId} <b>spam</b>?` }));
  await insertRows(db, rows);
  await addTags(db, { tag: 'operator_review', requestIds: ['r0', 'r1', 'r2'], source: 'operator' });
  const first = await push();
  project = first.project;
  assert.deepEqual([first.pushed, first.found], [3, 0]);
  assert.deepEqual([...(await tasks()).keys()].sort(), ['r0', 'r1', 'r2']);
  await db.query(`update relearn.review_queue set leased_until = now()`);
  assert.deepEqual(await push(), { project, pushed: 0, found: 0 });
  assert.equal((await tasks()).size, 3);
  const next = await app.inject({
    method: 'POST',
    url: '/api/review/next',
    payload: { operator: 'ann', model: 'mail' },
  });
  assert.deepEqual(next.json<{ cards: unknown[] }>().cards, []);
});

test('a push that broke off after Label Studio had the rows adds none of them again', { skip }, async () => {
  await database.db.query(
    `update relearn.label_studio_tasks set task_id = null, claimed_at = now() - interval '1 hour'`,
  );
  assert.deepEqual(await push(), { project, pushed: 0, found: 3 });
  assert.equal((await tasks()).size, 3);
});

test(
  'an annotation arrives by webhook; an edited one is a newer correction, also back to what it was',
  { skip },
  async () => {
    const { port } = app.server.address() as AddressInfo;
    await api('POST', '/api/webhooks/', withId, {
      ...{ url: `http://127.0.0.1:${port}/api/webhooks/label-studio`, project, send_payload: true },
      ...{ send_for_all_actions: false, actions: ['ANNOTATION_CREATED', 'ANNOTATION_UPDATED'] },
      headers: { 'x-relearn-secret': secret },
    });
    const task = (await tasks()).get('r0');
    const { id } = await api('POST', `/api/tasks/${task}/annotations/`, withId, choose('spam & more'));
    await corrected('r0', 'spam & more');
    const { operator, source } = (await current('r0')) ?? {};
    assert.match(operator ?? '', /^label-studio\/\d+$/);
    assert.equal(source, 'label_studio');
    await api('PATCH', `/api/annotations/${id}/`, withId, choose('ham'));
    await corrected('r0', 'ham');
    await api('PATCH', `/api/annotations/${id}/`, withId, choose('spam & more'));
    await corrected('r0', 'spam & more');
  },
);

test(
  'a webhook that comes twice, or late, counts once; a wrong secret is refused and stores nothing',
  { skip },
  async () => {
    const count = async () => (await database.db.query(`select 1 from relearn.corrections`)).length;
    const before = await count();
    const send = (payload: object, header: Record<string, string>) =>
      app.inject({
        method: 'POST',
        url: '/api/webhooks/label-studio',
        payload,
        headers: { host: '127.0.0.1', ...header },
      });
    const action = z.looseObject({ action: z.string().startsWith('ANNOTATION') });
    const sent = hooks.flatMap((hook) => action.safeParse(hook).data ?? []);
    assert.equal(sent.length, 3);
    for (const payload of sent) {
      const again = await send(payload, { 'x-relearn-secret': secret });
      assert.deepEqual([again.statusCode, again.json()], [200, { accepted: 0 }]);
    }
    for (const header of [{ 'x-relearn-secret': `${secret}x` }, {}]) {
      const refused = await send(sent[0] ?? {}, header);
      assert.deepEqual(
        [refused.statusCode, refused.json<{ error: { code: string } }>().error.code],
        [403, 'forbidden'],
      );
    }
    assert.equal((await send({ action: 'ANNOTATION_CREATED' }, { 'x-relearn-secret': secret })).statusCode, 400);
    assert.equal((await send({ action: 'PROJECT_UPDATED' }, { 'x-relearn-secret': secret })).statusCode, 200);
    assert.equal(await count(), before);
  },
);

test('a pull takes what no webhook told, once', { skip }, async () => {
  for (const { id } of await api('GET', `/api/webhooks/?project=${project}`, z.array(withId))) {
    await api('DELETE', `/api/webhooks/${id}/`, z.object({}));
  }
  const task = (await tasks()).get('r1');
  const typed = { from_name: 'other', to_name: 'prompt', type: 'textarea', value: { text: ['ask ann@example.com'] } };
  await api('POST', `/api/tasks/${task}/annotations/`, withId, { result: [typed] });
  assert.deepEqual(await pull(), { project, stored: 1 });
  assert.equal((await current('r1'))?.completion, 'ask [EMAIL]');
  assert.deepEqual(await pull(), { project, stored: 0 });
});

test('labels that came up since are offered, and what was annotated stays', { skip }, async () => {
  await pushQueue(database.db, studio, { model: 'mail', url, labels: [...labels, 'new'], limit: 1, holdDays: 7 });
  const { label_config: config } = await studio.getProject(project);
  assert.match(config, /<Choice value="spam &amp; more"\/>\s+<Choice value="new"\/>/);
});

test('a personal access token works as well; a wrong one is said to be wrong', { skip }, async () => {
  const { token: personal } = await api('POST', '/api/token/', z.object({ token: z.string() }));
  assert.equal((await openLabelStudio({ url, token: personal }).getProject(project)).id, project);
  for (const wrong of ['0000', 'a.b.c']) {
    await assert.rejects(
      openLabelStudio({ url, token: wrong }).getProject(project),
      (error) => error instanceof RelearnError && /answered .* with 401\. Check the token/.test(error.message),
    );
  }
});
