import type { Database } from '../database.ts';
import { filterValues, inRange, passes, type RowFilter } from '../tag/select-rows.ts';
import { readRecords, type Place } from './export.ts';
import type { LogRecord } from './record.ts';

/** Most looks end here: the latest rows, where nothing narrows much. */
const firstLook = 1000;
const laterLook = 10_000;
/** After this an answer goes out with what was found, and says how far back it looked. */
const mostMs = 100;
/** Rows of a tag or cluster that are few are fetched by their ids, wherever they lie. */
const few = 1000;
const exportPage = 500;

/** To the microsecond, as a Date is not. */
const isoTime = `to_char(ts at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export interface SearchOptions {
  /** Rows before this place; left out: the latest. */
  after?: Place | undefined;
  limit: number;
}

export interface SearchResult {
  /** The latest first. */
  places: Place[];
  /** Where to go on; null at the end. With fewer places than asked for: how far back was looked in the time there is. */
  next: Place | null;
}

/**
 * Rows that a filter lets pass, walking back in time. There is no index on texts, tags and so on, which every logged request
 * would pay for: a look takes 10,000 rows at most, and time, not the size of the log, ends an answer.
 */
export async function searchLog(
  db: Database,
  filter: RowFilter,
  { after, limit }: SearchOptions,
): Promise<SearchResult> {
  const started = performance.now();
  const ids = await findFew(db, filter);
  const places: Place[] = [];
  let rows = firstLook;
  for (let from = after; ; rows = laterLook) {
    const { found, end } = await look(db, filter, { ids, after: from, rows, limit: limit - places.length });
    places.push(...found);
    if (places.length === limit) return { places, next: places.at(-1) ?? null };
    if (end === null || performance.now() - started > mostMs) return { places, next: end };
    from = end;
  }
}

interface Look extends SearchOptions {
  ids: readonly string[] | null;
  /** So many rows are looked at. */
  rows: number;
}

/** One look: what passes among the next rows, and the last row looked at; null when there are no more. */
async function look(
  db: Database,
  filter: RowFilter,
  { ids, after, rows, limit }: Look,
): Promise<{ found: Place[]; end: Place | null }> {
  const seen = await db.query<Place & { isEnd: boolean }>(
    `with looked_at as materialized (
       select s.ts, s.request_id, ${passes} as passes,
         row_number() over (order by s.ts desc, s.request_id desc) as place
       from relearn.samples s
       where ${inRange}
         and ($15::timestamptz is null or (s.ts, s.request_id) < ($15::timestamptz, $16::text))
         and ($17::text[] is null or s.request_id = any($17))
       order by s.ts desc, s.request_id desc limit $18
     )
     (select ${isoTime} as at, request_id as "requestId", false as "isEnd" from looked_at where passes
      order by place limit $19)
     union all
     select ${isoTime}, request_id, true from looked_at where place = $18`,
    [...filterValues(filter), after?.at ?? null, after?.requestId ?? null, ids, rows, limit],
  );
  const placeOf = ({ at, requestId }: Place) => ({ at, requestId });
  const end = seen.find(({ isEnd }) => isEnd);
  return { found: seen.filter(({ isEnd }) => !isEnd).map(placeOf), end: end === undefined ? null : placeOf(end) };
}

/** The ids that a tag or a cluster leaves; null when it leaves many, or none is asked for. */
async function findFew(db: Database, { model, tag, cluster }: RowFilter): Promise<string[] | null> {
  if (tag === undefined && cluster === undefined) return null;
  const rows = await db.query<{ request_id: string }>(
    `select request_id from relearn.tags where model = $1 and tag = $2
     union all select request_id from relearn.cluster_members where model = $1 and key = $3
     limit $4`,
    [model, tag ?? null, cluster ?? null, few + 1],
  );
  return rows.length > few ? null : rows.map((row) => row.request_id);
}

/** All rows that a filter lets pass as records of the log, the latest first. Holds a page of them in memory. */
export async function* exportFound(db: Database, filter: RowFilter): AsyncGenerator<LogRecord> {
  let after: Place | undefined;
  do {
    const { places, next } = await searchLog(db, filter, { after, limit: exportPage });
    yield* (await readRecords(db, places)).reverse();
    after = next ?? undefined;
  } while (after !== undefined);
}
