import type { FastifyInstance } from 'fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { openDatabase, type Database } from '../src/database.ts';
import { fillReviewQueue } from '../src/correct/queue-fill.ts';
import { nextResponse } from '../src/http/review-schemas.ts';
import { buildBenchConsole } from './console-server.ts';

const rows = 1_000_000;
/** Of the rows, every so many carry a tag: 200,000. */
const everyTagged = 5;
/** The first of the tagged rows have a card, each with this many rows. */
const cardedRows = 100_000;
const rowsPerCard = 10;
const corrected = 10_000;
const reviewers = 8;
const turns = 12;
/** A reviewer looks at a card for at least so long. */
const lookMs = 1000;

/**
 * The review API with 1,000,000 rows in the log and 200,000 in the queue, half of them in cards of ten; 10,000 are
 * corrected. Milliseconds at the 95th percentile while 8 reviewers work, each looking at a card for a second: `next_ms`, `answer_ms`
 * (every third for a fold), `list_ms`, `cards_ms`, and by a tag that few rows carry, `rare_tag_ms`. `first_fill_s`: filling the
 * queue at first.
 */
export async function run(options: { data?: string } = {}): Promise<Record<string, number>> {
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-bench-')));
  const postgres = await startPostgres({ directory: join(directory, 'review-queue') });
  const db = openDatabase(postgres.url, { maxConnections: 10 });
  const app = buildBenchConsole(db);
  try {
    await migrate(db);
    await fillLog(db);
    const started = performance.now();
    await fillReviewQueue(db, { models: ['bench'] });
    const firstFillSeconds = (performance.now() - started) / 1000;
    await db.query('vacuum analyze relearn.review_queue');
    return { ...(await reviewAtOnce(app)), first_fill_s: firstFillSeconds };
  } finally {
    await app.close();
    await db.close();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function fillLog(db: Database): Promise<void> {
  await db.query(
    `select relearn.ensure_partition('samples', now() - make_interval(days => d)) from generate_series(0, 10) d`,
  );
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, response_logprob,
       kept_because, inclusion_probability)
     select 'r' || n, now() - make_interval(secs => n * 0.8), 'bench', 'v1',
       'request ' || n || ' about ' || md5((n / 10)::text) || ' please sort this for me', 'label ' || n % 50, 1,
       -random(), 'healthy', 0.05
     from generate_series(1, ${rows}) n`,
  );
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
     values ('i1', 'bench', 'v1', 'gold', now(), now() - interval '12 hours', 'collecting')`,
  );
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source, created_at)
     select 'r' || n, 'drift_window', 'i1', 'bench', 'drift', now() - interval '1 hour'
     from generate_series(${everyTagged}, ${rows}, ${everyTagged}) n
     union all
     select 'r' || n, 'rare', '', 'bench', 'operator', now() - interval '1 hour'
     from generate_series(${everyTagged}, ${rows}, ${rows / 100}) n`,
  );
  await db.query(
    `insert into relearn.review_cards (model, request_id, card, rank, position)
     select 'bench', 'r' || n * ${everyTagged}, 'r' || (n - n % ${rowsPerCard}) * ${everyTagged}, n / ${rowsPerCard}, n % ${rowsPerCard}
     from generate_series(${rowsPerCard}, ${cardedRows} + ${rowsPerCard} - 1) n`,
  );
  await db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, equals_response, created_at)
     select 'c' || n, 'r' || n * ${everyTagged}, 'bench', 'label x', 'bench', 'api', false, now() - interval '1 hour'
     from generate_series(1, ${corrected}) n`,
  );
  await db.query('analyze');
}

async function reviewAtOnce(app: FastifyInstance): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  async function timed(name: string, url: string, payload?: object): Promise<unknown> {
    const started = performance.now();
    const request = payload === undefined ? { method: 'GET' as const } : { method: 'POST' as const, payload };
    const response = await app.inject({ ...request, url });
    if (response.statusCode !== 200) throw new Error(`${name} answered ${response.statusCode}: ${response.body}`);
    (times[name] ??= []).push(performance.now() - started);
    return response.json();
  }
  async function review(operator: string): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) {
      const next = nextResponse.parse(await timed('next_ms', '/api/review/next', { operator, model: 'bench' }));
      const [held] = next.cards;
      if (held === undefined) throw new Error('the queue ran dry');
      const body = { operator, lease: held.lease, request_id: held.card.request_id, completion: `label ${turn}` };
      await sleep(lookMs * (0.75 + Math.random() / 2));
      await timed('answer_ms', '/api/review/answer', { ...body, apply_to: turn % 3 === 0 ? 'fold' : 'row' });
      await timed('list_ms', '/api/review?model=bench');
      await timed('cards_ms', '/api/review/cards?model=bench&incident=i1');
      await timed('rare_tag_ms', '/api/review?model=bench&tag=rare');
    }
  }
  await review('warm-up');
  for (const name of Object.keys(times)) times[name] = [];
  await Promise.all(Array.from({ length: reviewers }, (_, reviewer) => review(`reviewer ${reviewer}`)));
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, percentile95(all)]));
}

function percentile95(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0;
}
