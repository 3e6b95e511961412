import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createTagActivities } from '../activities/tag.ts';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { configSchema } from '../src/config.ts';
import { openDatabase, type Database } from '../src/database.ts';
import { openIncident } from '../src/watch/incidents.ts';

export interface TagWindowOptions {
  /** Where Postgres keeps its files; a folder that is removed at the end when left out. */
  data?: string;
  /** Rows of the model in `samples`; a tenth of them are the window that is tagged. */
  rows?: number;
}

const model = 'bench';
const rounds = 3;
/** Noon of yesterday: its window fills the partition of its day. */
const detectedAt = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 12 * 3_600_000);
const windowHours = 12;
const windowStart = new Date(detectedAt.getTime() - windowHours * 3_600_000);
const windowPartition = `relearn.samples_${windowStart.toISOString().slice(0, 10).replaceAll('-', '')}`;
const config = configSchema.parse({
  models: { [model]: { serve: { kind: 'onnx' }, drift: { maxPinned: 100_000_000 } } },
});
const environment = new MockActivityEnvironment();

interface Comparison {
  rows: number;
  /** Of the activity over all bare statements, and over the first of them. */
  all: number;
  first: number;
  perSecond: number;
}

/**
 * Opens an incident over a window of a tenth of all rows and lets the activity `keepIncidentRows` keep and tag them, in
 * turn with bare statements that write the very same rows; each figure is the time of the activity over theirs, the
 * median of the rounds.
 *
 * `vs_bare_insert`: every row is in `samples` already; the bare statement is one `insert … select` of the tag rows.
 * `pin_vs_insert`: every row of the window is in `recent`; the bare statements insert the same rows into `samples`, their pins
 * and their tags. `pin_vs_copy` is the same over the first of these three alone.
 */
export async function run(options: TagWindowOptions = {}): Promise<Record<string, number>> {
  const { rows = 10_000_000 } = options;
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-tag-window-')));
  const postgres = await startPostgres({ directory: join(directory, 'tag-window') });
  const db = openDatabase(postgres.url);
  try {
    await migrate(db);
    await fillSamples(db, rows);
    const tagging = await compare(db, [bareTags], ['relearn.tags', 'relearn.pins']);
    await moveWindowToRecent(db);
    const pinning = await compare(
      db,
      [bareCopies, barePins, bareTags],
      ['relearn.tags', 'relearn.pins', windowPartition],
    );
    return {
      ...{ rows, window_rows: tagging.rows, vs_bare_insert: tagging.all, rows_per_s: tagging.perSecond },
      ...{ pin_vs_insert: pinning.all, pin_vs_copy: pinning.first, pinned_per_s: pinning.perSecond },
    };
  } finally {
    await db.close();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** Rows of ten windows, the last of them that of the incident; the partitions get their indexes when they are full. */
async function fillSamples(db: Database, rows: number): Promise<void> {
  const days = await db.query<{ day: Date; part: string }>(
    `select day, 'relearn.samples_' || to_char(day at time zone 'UTC', 'YYYYMMDD') as part
     from generate_series(date_trunc('day', $1::timestamptz - interval '4 days', 'UTC'),
       date_trunc('day', $1::timestamptz, 'UTC'), interval '1 day') day`,
    [detectedAt],
  );
  const first = new Date(detectedAt.getTime() - 10 * windowHours * 3_600_000);
  for (const { day, part } of days) {
    const next = new Date(day.getTime() + 86_400_000);
    await db.query(`create table ${part} (like relearn.samples including defaults including constraints)`);
    await db.query(
      `insert into ${part} (request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob, kept_because,
         inclusion_probability)
       select 'chatcmpl-' || to_char(n, 'FM000000000000') || md5(n::text), at, $1, 'v1',
         'request ' || n || ' ' || repeat(md5(n::text), 4), 'answer ' || n % 97, 1.5, -(n % 1000) / 500.0, 'healthy', 1
       from generate_series(1, $2::int) n, lateral (
         select $3::timestamptz + ($4::timestamptz - $3) * (n::float8 / $2) as at
       ) times
       where at >= $5 and at < $6`,
      [model, rows, first, detectedAt, day, next],
    );
    await db.query(`alter table ${part} add primary key (request_id, ts)`);
    await db.query(`create index on ${part} (model, ts)`);
    await db.query(`alter table relearn.samples attach partition ${part}
      for values from ('${day.toISOString()}') to ('${next.toISOString()}')`);
  }
  await db.query('vacuum analyze relearn.samples');
}

/** The same rows as if none had been sampled. */
async function moveWindowToRecent(db: Database): Promise<void> {
  await db.query(
    `select relearn.ensure_partition('recent', at) from generate_series($1::timestamptz, $2::timestamptz, '1 hour') at`,
    [windowStart, detectedAt],
  );
  await db.query(
    `insert into relearn.recent (request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob,
       inclusion_probability)
     select request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob, 0.05
     from relearn.samples where ts >= $1`,
    [windowStart],
  );
  await db.query(`truncate ${windowPartition}`);
  await db.query('vacuum analyze relearn.recent');
}

type Bare = (db: Database, incident: string) => Promise<void>;

const bareTags: Bare = async (db, incident) => {
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source, actor)
     select request_id, 'drift_window', $4, model, 'drift', 'relearn' from relearn.samples
     where model = $1 and ts >= $2 and ts <= $3`,
    [model, windowStart, detectedAt, incident],
  );
};
const barePins: Bare = async (db, incident) => {
  await db.query(
    `insert into relearn.pins (request_id, reason, probability)
     select request_id, 'incident/' || $4, 1 from relearn.samples where model = $1 and ts >= $2 and ts <= $3`,
    [model, windowStart, detectedAt, incident],
  );
};
const bareCopies: Bare = async (db) => {
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, kept_because, inclusion_probability, source)
     select request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash, response_logprob,
       'drift_window', inclusion_probability, source
     from relearn.recent where model = $1 and ts >= $2 and ts <= $3`,
    [model, windowStart, detectedAt],
  );
};

/** The activity and the bare statements in turn, each from the same empty tables. */
async function compare(db: Database, bare: readonly Bare[], empty: readonly string[]): Promise<Comparison> {
  const all: number[] = [];
  const first: number[] = [];
  const perSecond: number[] = [];
  let rows = 0;
  for (let round = 0; round < rounds; round += 1) {
    const incident = await emptyAndOpen(db, empty);
    const activities = createTagActivities({ config, db });
    const ours = await timed(() => environment.run(() => activities.keepIncidentRows({ incident })));
    const [tagged] = await db.query<{ n: number }>('select count(*) as n from relearn.tags');
    rows = tagged?.n ?? 0;
    const other = await emptyAndOpen(db, empty);
    const theirs: number[] = [];
    for (const statement of bare) theirs.push(await timed(() => statement(db, other)));
    const [again] = await db.query<{ n: number }>('select count(*) as n from relearn.tags');
    if (rows === 0 || again?.n !== rows) throw new Error(`tagged ${rows} rows, the bare statements ${again?.n}`);
    all.push(ours / theirs.reduce((sum, ms) => sum + ms, 0));
    first.push(ours / (theirs[0] ?? 0));
    perSecond.push(rows / (ours / 1000));
    console.error(`${Math.round(ours)} ms against ${theirs.map(Math.round).join(' + ')} ms, ${rows} rows`);
  }
  return { rows, all: median(all), first: median(first), perSecond: median(perSecond) };
}

async function emptyAndOpen(db: Database, tables: readonly string[]): Promise<string> {
  await db.query(`truncate relearn.incidents, ${tables.join(', ')}`);
  await db.query('checkpoint');
  const detection = { model, modelVersion: 'v1', monitor: 'bench', detectedAt, figures: {}, windowHours };
  return (await openIncident(db, { ...detection, hotWindowHours: config.log.hotWindowHours })).id;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
