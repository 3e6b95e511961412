import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { openDatabase, type Database } from '../src/database.ts';
import { copyRows } from '../src/log/copy-rows.ts';
import { ensureAhead } from '../src/log/partitions.ts';
import { newRequestId } from '../src/log/request-id.ts';
import type { LogRow } from '../src/log/row.ts';
import { openLogWriter } from '../src/log/writer.ts';

const rows = 40_000;
const rounds = 5;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * `vs_copy`: rows a second through the log writer, in share of one bare COPY of the same rows, formatted beforehand, into
 * the same table, which has the same indexes; the median of several rounds. Postgres waits for its disk as usual.
 */
export async function run(options: { data?: string } = {}): Promise<Record<string, number>> {
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-bench-')));
  const postgres = await startPostgres({ directory: join(directory, 'log-writer') });
  const db = openDatabase(postgres.url);
  try {
    await migrate(db);
    await ensureAhead(db, 2);
    const ratios: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const copied = await measure(db, bareCopy);
      const written = await measure(db, throughWriter);
      if (round > 0) ratios.push(copied / written); // the first warms up
    }
    return { vs_copy: ratios.sort((a, b) => a - b)[rounds >> 1] ?? 0 };
  } finally {
    await db.close();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** Milliseconds, with the table empty at the start. */
async function measure(db: Database, work: (db: Database) => Promise<() => Promise<void>>): Promise<number> {
  await db.query('truncate relearn.samples, relearn.minutes');
  const start = await work(db);
  const started = performance.now();
  await start();
  const elapsed = performance.now() - started;
  const [stored] = await db.query<{ n: number }>('select count(*) as n from relearn.samples');
  if (stored?.n !== rows) throw new Error(`${stored?.n} of ${rows} rows were stored`);
  return elapsed;
}

async function bareCopy(db: Database): Promise<() => Promise<void>> {
  let statement = '';
  const chunks: string[] = [];
  const collector: Database = {
    ...db,
    async copy(sql, text) {
      statement = sql;
      for await (const chunk of text) chunks.push(chunk);
    },
  };
  await copyRows(collector, makeRows());
  return () => db.copy(statement, replay(chunks));
}

async function* replay(chunks: readonly string[]): AsyncGenerator<string> {
  for (let at = 0; at < chunks.length; at += 4) yield chunks.slice(at, at + 4).join('');
}

async function throughWriter(db: Database): Promise<() => Promise<void>> {
  const writer = openLogWriter({ db, logger: quiet, flushMs: 200, maxQueuedRows: rows, hotWindowHours: 24 });
  const pushed = makeRows();
  return async () => {
    for (const row of pushed) void writer.push(row);
    await writer.close();
  };
}

function makeRows(): LogRow[] {
  const now = Date.now();
  return Array.from({ length: rows }, (_, index) => ({
    ...{ requestId: newRequestId(new Date(now)), ts: new Date(now), model: 'bench', modelVersion: 'v1' },
    prompt: `request ${index}: ${randomBytes(100).toString('base64')} please sort this for me`,
    response: randomBytes(45).toString('base64'),
    ...{ latencyMs: 1.25, userIdHash: '0123456789abcdef', responseLogprob: -0.25, source: 'production' as const },
    ...{ keptBecause: 'healthy' as const, inclusionProbability: 0.05, incident: null },
  }));
}
