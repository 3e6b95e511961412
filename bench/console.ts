import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { migrate } from '../infra/migrate.ts';
import { openDatabase } from '../src/database.ts';
import { fillReviewQueue } from '../src/correct/queue-fill.ts';
import { logResponse } from '../src/http/log-schemas.ts';
import { buildBenchConsole } from './console-server.ts';
import { fillConsole, newestVersion, oldestVersion, rareWord } from './console-fill.ts';

const rounds = 25;
const warmUps = 3;
/** A request beside the pages', which does what each of them does at least. */
const bare = '/api/bare';

/**
 * The console's pages over HTTP, with 1,000,000 rows in the log (`--rows`) of 30 days and 10,000 in the queue. Each
 * page's first routes are asked in turn, one request at a time; milliseconds at the 95th percentile go to stderr by route.
 * `page_p95_ms`: of the slowest page. `log_text_p95_ms`, `log_rare_text_all_ms`: the log searched for a text, its first
 * answer, and until all rows were looked at. `vs_select_1`: the slowest over a route that asks for `select 1`.
 */
export async function run(options: { data?: string; rows?: number } = {}): Promise<Record<string, number>> {
  const directory = options.data ?? (await mkdtemp(join(tmpdir(), 'relearn-bench-')));
  const postgres = await startPostgres({ directory: join(directory, 'console') });
  const db = openDatabase(postgres.url, { maxConnections: 10 });
  const app = buildBenchConsole(db);
  app.get(bare, () => db.query('select 1 as one'));
  try {
    await migrate(db);
    await fillConsole(db, options.rows ?? 1_000_000);
    await fillReviewQueue(db, { models: ['bench'] });
    await db.query('vacuum analyze');
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    return await askPages(url);
  } finally {
    await app.close();
    await db.close();
    await postgres.process.stop();
    if (options.data === undefined) await rm(directory, { recursive: true, force: true });
  }
}

const state = (query: string) => `/api/review/state?model=bench${query}`;
const newest = `/api/models/bench/versions/${newestVersion}`;
const log = (query: string) => `/api/log?model=bench${query}`;
/** The routes that a page asks first, by what it shows. */
const pages: Readonly<Record<string, readonly string[]>> = {
  every: ['/api/session'],
  overview: ['/api/overview'],
  review: ['/api/review/next', '/api/labels?model=bench', state('')],
  'review, an incident': [state('&incident=i1')],
  'review, a cluster': [state('&cluster=cluster/1')],
  incidents: ['/api/incidents?limit=100'],
  incident: ['/api/incidents/i1'],
  versions: ['/api/models/bench/versions'],
  'a version': [newest],
  'a version, its rows': [`${newest}/rows`],
  'a version, what else learned from a row': ['/api/lineage?request_id=r10001'],
  clusters: ['/api/clusters?model=bench'],
  log: [log(''), '/api/log/count?model=bench', '/api/log/facets?model=bench'],
  'log, a row': ['/api/log/row?request_id=r1000'],
  'log, a day 20 days ago': [
    log(`&from=${daysAgo(20)}&to=${daysAgo(19)}`),
    `/api/log/count?model=bench&to=${daysAgo(19)}`,
  ],
  'log, kept because': [log('&kept_because=flagged'), '/api/log/count?model=bench&kept_because=flagged'],
  'log, oldest version': [log(`&version=${oldestVersion}`), `/api/log/count?model=bench&version=${oldestVersion}`],
  'log, low confidence': [log('&logprob_below=-3.999'), '/api/log/count?model=bench&logprob_below=-3.999'],
  'log, frequent tag': [log('&tag=refunds'), '/api/log/count?model=bench&tag=refunds'],
  'log, rare tag': [log('&tag=rare'), '/api/log/count?model=bench&tag=rare'],
  'log, frequent text': [log('&text=parcel'), '/api/log/count?model=bench&text=parcel'],
  'log, rare text': [log(`&text=${rareWord}`), `/api/log/count?model=bench&text=${rareWord}`],
};

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString();
}

async function askPages(url: string): Promise<Record<string, number>> {
  const times = new Map<string, number[]>();
  let reviewer = 0;
  async function ask(path: string): Promise<void> {
    const body = JSON.stringify({ operator: `reviewer ${(reviewer += 1)}`, model: 'bench', count: 2 });
    const headers = { 'content-type': 'application/json' };
    const request = path === '/api/review/next' ? { method: 'POST', headers, body } : {};
    const started = performance.now();
    const response = await fetch(url + path, request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    const taken = times.get(path) ?? [];
    times.set(path, [...taken, performance.now() - started]);
  }
  const all = [bare, ...Object.values(pages).flat()];
  for (let round = -warmUps; round < rounds; round += 1) {
    if (round === 0) times.clear();
    for (const path of all) await ask(path);
  }
  const p95 = (path: string) => percentile95(times.get(path) ?? []);
  const slowest = (name: string) => Math.max(...(pages[name] ?? []).map(p95));
  const worst = Object.keys(pages).reduce((a, b) => (slowest(b) > slowest(a) ? b : a));
  const table = new Table({ head: ['page', 'route', 'p95 ms'], style: { head: [], border: [] } });
  for (const [page, paths] of Object.entries(pages))
    for (const path of paths) table.push([page, path, p95(path).toFixed(1)]);
  console.error(`${table.toString()}\nThe slowest page: ${worst}.`);
  return {
    page_p95_ms: slowest(worst),
    log_text_p95_ms: Math.max(slowest('log, frequent text'), slowest('log, rare text')),
    log_rare_text_all_ms: await searchAll(url),
    vs_select_1: slowest(worst) / p95(bare),
  };
}

/** How long the page takes to look for a text in the whole log. */
async function searchAll(url: string): Promise<number> {
  const started = performance.now();
  for (let next: string | null = ''; next !== null;) {
    const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const answer = logResponse.parse(await (await fetch(`${url}${log(`&text=no${rareWord}`)}${after}`)).json());
    next = answer.next;
  }
  return performance.now() - started;
}

function percentile95(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? 0;
}
