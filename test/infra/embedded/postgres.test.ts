import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startPostgres } from '../../../infra/embedded/postgres.ts';
import { openDatabase } from '../../../src/database.ts';
import { until } from '../../until.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-postgres-'));
after(() => rm(folder, { recursive: true }));
const start = () => startPostgres({ directory: join(folder, 'postgres') });

async function queryOnce(url: string, sql: string): Promise<object[]> {
  const db = openDatabase(url, { maxConnections: 1 });
  try {
    return await db.query(sql);
  } finally {
    await db.close();
  }
}

test('data survives a stop, and a kill that leaves a postmaster.pid behind', async () => {
  const first = await start();
  await queryOnce(first.url, 'create table kept (id int)');
  await first.process.stop();
  // As a killed server leaves it, with an id that is in use again: ours.
  await writeFile(join(folder, 'postgres/data/postmaster.pid'), `${process.pid}\n${folder}\n1\n1\n\n\n\n`);
  const second = await start();
  await queryOnce(second.url, 'insert into kept values (1)');
  process.kill(second.process.pid, 'SIGKILL');
  await second.process.exited;
  // Processes of the killed server may hold its memory for a moment.
  const third = await until('it starts', () => start().catch(() => undefined));
  assert.deepEqual(await queryOnce(third.url, 'select id from kept'), [{ id: 1 }]);
  await third.process.stop();
});

test('a server of a former run that still runs on the data is ended, not joined', async () => {
  const former = await start();
  const next = await start();
  assert.match(await former.process.exited, /exited with code 0/);
  assert.deepEqual(await queryOnce(next.url, 'select 1 as answer'), [{ answer: 1 }]);
  await next.process.stop();
});
