import type { Database } from '../database.ts';
import type { LogRecord } from './record.ts';

export interface LogFilter {
  model?: string | undefined;
  /** Rows at this time and later. */
  from?: Date | undefined;
  /** Rows before this time. */
  to?: Date | undefined;
  /** Rows that carry this tag. */
  tag?: string | undefined;
}

type StoredRecord = Omit<LogRecord, 'ts'> & { ts: Date };

/** A row's place in the order of time. Its time is text: a Date would cut it to milliseconds, and repeat or lose rows. */
export interface Place {
  at: string;
  requestId: string;
}

const pageRows = 500;

/** The kept log in order of time, redacted as it lies there. Holds one page of rows in memory. */
export async function* exportLog(db: Database, filter: LogFilter): AsyncGenerator<LogRecord> {
  let last: Place | undefined;
  do {
    const places = await readPlaces(db, filter, last);
    yield* await readRecords(db, places);
    last = places.length === pageRows ? places.at(-1) : undefined;
  } while (last !== undefined);
}

async function readPlaces(
  db: Database,
  { model, from, to, tag }: LogFilter,
  after: Place | undefined,
): Promise<Place[]> {
  return db.query<Place>(
    `select ts::text as at, request_id as "requestId"
     from relearn.samples s
     where ($1::text is null or model = $1)
       and ts >= coalesce($2::timestamptz, '-infinity') and ts < coalesce($3::timestamptz, 'infinity')
       and ($4::text is null or exists (select from relearn.tags t where t.request_id = s.request_id and t.tag = $4))
       and ($5::timestamptz is null or (ts, request_id) > ($5::timestamptz, $6))
     order by ts, request_id
     limit $7`,
    [model, from, to, tag, after?.at, after?.requestId, pageRows],
  );
}

/** The records of rows, oldest first. */
export async function readRecords(db: Database, places: readonly Place[]): Promise<LogRecord[]> {
  const rows = await db.query<StoredRecord>(
    `select l.request_id, l.ts, l.model_version, l.prompt, l.response, l.latency_ms, l.user_id_hash,
       l.response_logprob, l.tags
     from unnest($1::timestamptz[], $2::text[]) as page (ts, request_id)
     join relearn.log l using (ts, request_id)
     order by l.ts, l.request_id`,
    [places.map(({ at }) => at), places.map(({ requestId }) => requestId)],
  );
  return rows.map((row) => ({ ...row, ts: row.ts.toISOString() }));
}
