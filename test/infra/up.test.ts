import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { writeExample } from '../../infra/cli/init.ts';
import { alive } from '../../infra/lock.ts';
import { readStackFile } from '../../infra/stack-file.ts';
import type { StackFile } from '../../infra/stack-file.ts';
import { openDatabase } from '../../src/database.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../infra/cli.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'relearn-up-'));
const stateDir = join(folder, '.relearn');
await writeExample(folder);

const unset = /^(DATABASE_URL|TEMPORAL_.*|RELEARN_.*)$/;
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !unset.test(name)));

const started: ChildProcess[] = [];
after(async () => {
  for (const up of started) up.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

const upLine = z.object({ urls: z.object({ gateway: z.string(), console: z.string(), temporalUi: z.string() }) });

/** Runs `relearn up` in a process group of its own, as a terminal does, until it says that all is up. */
async function up(
  more: Record<string, string> = {},
): Promise<{ process: ChildProcess; urls: z.output<typeof upLine>['urls']; stack: StackFile }> {
  const process_ = spawn(process.execPath, [cli, 'up', '--free-ports', '--json'], {
    ...{ cwd: folder, env: { ...env, ...more }, detached: true, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  started.push(process_);
  const ended = once(process_, 'exit').then(([code]) => Promise.reject(new Error(`up ended with ${code}`)));
  ended.catch(() => undefined); // later it may
  const firstLine = once(createInterface({ input: process_.stdout }), 'line');
  const [line] = z.tuple([z.string()]).parse(await Promise.race([firstLine, ended]));
  const stack = await readStackFile(stateDir);
  assert.ok(stack !== undefined, 'stack.json names the running stack');
  return { process: process_, urls: upLine.parse(JSON.parse(line)).urls, stack };
}

async function relearn(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [cli, ...args], { cwd: folder, env });
  return stdout;
}

async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(alive)) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('up serves, is found by the commands beside it, and Ctrl-C ends every process of it', async () => {
  const first = await up();
  for (const url of [first.urls.gateway, first.urls.console]) assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(first.urls.temporalUi)).status, 200);

  const status = z.object({ up: z.literal(true), answers: z.object({ gateway: z.literal(true) }) });
  await until('both answer', async () => status.safeParse(JSON.parse(await relearn('status', '--json'))).success);
  assert.deepEqual(JSON.parse(await relearn('migrate', '--json')), { done: [] });
  await assert.rejects(relearn('up'), { stderr: /already runs in .*process \d+/ });

  const db = openDatabase(first.stack.urls.database);
  await db.query(`insert into relearn.models (name) values ('remembered')`);
  await db.close();
  assert.ok(first.process.pid !== undefined);
  process.kill(-first.process.pid, 'SIGINT');
  assert.deepEqual(await once(first.process, 'exit'), [0, null]);
  assert.deepEqual(Object.values(first.stack.pids).filter(alive), []);
  assert.ok(!existsSync(join(stateDir, 'stack.json')));
});

test('a restart finds its state; when `up` is killed, what it started ends by itself', async () => {
  const second = await up();
  const db = openDatabase(second.stack.urls.database);
  assert.deepEqual(await db.query('select name from relearn.models'), [{ name: 'remembered' }]);
  await db.close();
  second.process.kill('SIGKILL');
  await untilGone(Object.values(second.stack.pids));
  assert.equal(await readStackFile(stateDir), undefined);
});

test('a killed worker is started again, and a stack that was killed before comes up', async () => {
  const third = await up();
  const worker = third.stack.pids['worker'];
  assert.ok(worker !== undefined);
  process.kill(worker, 'SIGKILL');
  let again = worker;
  while (again === worker) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    again = (await readStackFile(stateDir))?.pids['worker'] ?? worker;
  }
  assert.ok(alive(again));
  third.process.kill('SIGTERM');
  assert.deepEqual(await once(third.process, 'exit'), [0, null]);
  assert.ok(!alive(again));
});

test('with payload keys, the Temporal UI is told where to have payloads decrypted, and may ask there', async () => {
  const fourth = await up({ RELEARN_PAYLOAD_KEYS: `a:${randomBytes(32).toString('base64')}` });
  const { console: consoleUrl, temporalUi } = fourth.urls;
  const settings = await (await fetch(`${temporalUi}/api/v1/settings`)).json();
  const { Codec: codec } = z.object({ Codec: z.object({ Endpoint: z.string() }) }).parse(settings);
  assert.equal(codec.Endpoint, `${consoleUrl}/codec`);
  const answer = await fetch(`${codec.Endpoint}/decode`, {
    ...{ method: 'POST', body: '{}' },
    headers: { 'content-type': 'application/json', 'x-namespace': 'default', origin: new URL(temporalUi).origin },
  });
  assert.deepEqual([answer.status, await answer.json()], [200, { payloads: [] }]);
  fourth.process.kill('SIGTERM');
  assert.deepEqual(await once(fourth.process, 'exit'), [0, null]);
});
