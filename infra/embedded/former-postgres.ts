import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelearnError } from '../../src/errors.ts';
import { alive } from '../lock.ts';

/**
 * Clears what a killed run left in the data folder: a server that still runs there is ended, a `postmaster.pid` whose
 * process is gone is removed. Process ids are used again (in containers at once), so that Postgres by itself might
 * take a stranger for its predecessor and refuse to start.
 */
export async function endFormerPostgres(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  // Lines: process id, data folder, start time, port.
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (pid > 1 && alive(pid) && (await answers(port))) {
    process.kill(pid, 'SIGINT');
    for (let waited = 0; alive(pid) && waited < 20_000; waited += 100) await sleep(100);
    if (alive(pid)) {
      throw new RelearnError(
        'stack_failed',
        `A former Postgres (process ${pid}) still holds ${data} and does not end. End it, then start again.`,
      );
    }
  }
  await rm(file, { force: true });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (!(port > 0)) {
      resolve(false);
      return;
    }
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
