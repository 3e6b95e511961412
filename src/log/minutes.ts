import type { Database } from '../database.ts';
import type { LogRow } from './row.ts';

/** What the counters need to know of a request. */
export type Counted = Pick<LogRow, 'model' | 'modelVersion' | 'source' | 'ts' | 'keptBecause'>;

/** The requests of one model, version, source and minute. */
export interface MinuteCount {
  model: string;
  modelVersion: string;
  source: string;
  /** Start of the minute, ISO 8601 in UTC. */
  minute: string;
  requests: number;
  lowConfidence: number;
  kept: number;
  dropped: number;
}

/** Adds a request to the counts, which are keyed by model, version, source and minute. */
export function countRequest(
  counts: Map<string, MinuteCount>,
  row: Counted,
  fate: 'stored' | 'dropped' | 'passed',
): void {
  const { model, modelVersion, source } = row;
  const start = Math.floor(row.ts.getTime() / 60_000);
  if (Number.isNaN(start)) return;
  const count = countOf(counts, { model, modelVersion, source, start });
  count.requests += 1;
  if (row.keptBecause === 'low_confidence') count.lowConfidence += 1;
  if (fate === 'stored' && row.keptBecause !== null) count.kept += 1;
  if (fate === 'dropped') count.dropped += 1;
}

/** Adds counts to others of the same key. */
export function addCounts(counts: Map<string, MinuteCount>, more: readonly MinuteCount[]): void {
  for (const { model, modelVersion, source, minute, ...added } of more) {
    const count = countOf(counts, { model, modelVersion, source, start: Date.parse(minute) / 60_000 });
    count.requests += added.requests;
    count.lowConfidence += added.lowConfidence;
    count.kept += added.kept;
    count.dropped += added.dropped;
  }
}

type Key = Pick<MinuteCount, 'model' | 'modelVersion' | 'source'> & { start: number };

function countOf(counts: Map<string, MinuteCount>, { model, modelVersion, source, start }: Key): MinuteCount {
  const key = `${model}\0${start}\0${modelVersion}\0${source}`;
  let count = counts.get(key);
  if (count === undefined) {
    const minute = new Date(start * 60_000).toISOString();
    count = { model, modelVersion, source, minute, requests: 0, lowConfidence: 0, kept: 0, dropped: 0 };
    counts.set(key, count);
  }
  return count;
}

/** Counts rows that are stored in the same transaction. */
export async function addToMinutes(db: Database, counts: ReadonlyMap<string, MinuteCount>): Promise<void> {
  if (counts.size === 0) return;
  await db.query(
    `insert into relearn.minutes as m (model, model_version, source, minute, requests, low_confidence, kept, dropped)
     ${fromArrays(1)}
     ${addUp}`,
    columns(counts),
  );
}

/** Counts requests that have no row in the database; once for each `id`, however often it is tried. */
export async function storeTally(db: Database, id: string, counts: ReadonlyMap<string, MinuteCount>): Promise<void> {
  await db.query(
    `with fresh as (insert into relearn.tallies (id) values ($1) on conflict do nothing returning id)
     insert into relearn.minutes as m (model, model_version, source, minute, requests, low_confidence, kept, dropped)
     ${fromArrays(2)} where exists (select from fresh)
     ${addUp}`,
    [id, ...columns(counts)],
  );
}

const addUp = `on conflict (model, minute, model_version, source) do update set requests = m.requests + excluded.requests,
  low_confidence = m.low_confidence + excluded.low_confidence, kept = m.kept + excluded.kept,
  dropped = m.dropped + excluded.dropped`;

const types = ['text', 'text', 'text', 'timestamptz', 'bigint', 'bigint', 'bigint', 'bigint'];

function fromArrays(first: number): string {
  const arrays = types.map((type, index) => `$${first + index}::${type}[]`).join(', ');
  return `select * from unnest(${arrays}) as counted`;
}

/** In order of the key, so that two gateways never wait for each other in a circle. */
function columns(counts: ReadonlyMap<string, MinuteCount>): unknown[][] {
  const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
  return [
    rows.map(({ model }) => model),
    rows.map(({ modelVersion }) => modelVersion),
    rows.map(({ source }) => source),
    rows.map(({ minute }) => minute),
    rows.map(({ requests }) => requests),
    rows.map(({ lowConfidence }) => lowConfidence),
    rows.map(({ kept }) => kept),
    rows.map(({ dropped }) => dropped),
  ];
}
