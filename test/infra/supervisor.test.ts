import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startProcess } from '../../infra/embedded/process.ts';
import { alive } from '../../infra/lock.ts';
import { supervise } from '../../infra/supervisor.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-supervisor-'));
after(() => rm(folder, { recursive: true }));

const logFile = join(folder, 'log');
const sleeper = () =>
  startProcess({
    command: process.execPath,
    args: ['-e', 'setInterval(() => {}, 1000); console.log("started")'],
    logFile,
    stopSignal: 'SIGTERM',
    stopWithinMs: 5000,
  });

test('a process that is killed is started again, and stopped for good when asked', async () => {
  const warnings: string[] = [];
  const first = await sleeper();
  const restarts = new EventEmitter();
  const supervised = supervise({
    ...{ name: 'sleeper', first, start: sleeper, onRestart: () => restarts.emit('restart') },
    onWarning: (message) => warnings.push(message),
  });
  process.kill(first.pid, 'SIGKILL');
  await once(restarts, 'restart');
  assert.notEqual(supervised.pid(), first.pid);
  assert.ok(alive(supervised.pid()));
  assert.match(warnings[0] ?? '', /sleeper was killed by SIGKILL; starting it again/);
  await supervised.stop();
  assert.ok(!alive(supervised.pid()));
});

test('a process that does not end when asked is killed', async () => {
  const stubborn = await startProcess({
    command: process.execPath,
    args: ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("deaf")'],
    logFile,
    stopSignal: 'SIGTERM',
    stopWithinMs: 200,
  });
  while (!(await readFile(logFile, 'utf8')).includes('deaf')) await new Promise((resolve) => setTimeout(resolve, 20));
  await stubborn.stop();
  assert.equal(await stubborn.exited, 'was killed by SIGKILL');
});
