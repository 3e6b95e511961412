import { sqlState, type Database } from '../database.ts';
import { RelearnError } from '../errors.ts';

/** Kept production rows of a model, by what is known of them; each condition left out lets all pass. */
export interface RowFilter {
  model: string;
  /** Rows at this time and later, and before that one. */
  from?: Date | undefined;
  to?: Date | undefined;
  tag?: string | undefined;
  incident?: string | undefined;
  version?: string | undefined;
  keptBecause?: readonly string[] | undefined;
  logprobBelow?: number | undefined;
  /** At this and above. */
  logprobFrom?: number | undefined;
  feedback?: readonly string[] | undefined;
  /** Regular expressions of Postgres on the redacted texts; upper and lower case are the same. */
  prompt?: string | undefined;
  response?: string | undefined;
  /** Stands anywhere in prompt or response, as it is; upper and lower case are the same. */
  text?: string | undefined;
  /** The key of a cluster: its rows at the last look. */
  cluster?: string | undefined;
}

/** The parameters $1 to $14 of `matchingRows`. */
export function filterValues(filter: RowFilter): unknown[] {
  const { model, from, to, tag, incident, version, keptBecause, logprobBelow, feedback, prompt, response } = filter;
  const { text, logprobFrom, cluster } = filter;
  const like = text === undefined ? undefined : `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const first = [model, from, to, tag, incident, version, keptBecause, logprobBelow, feedback, prompt, response];
  return [...first, like, logprobFrom, cluster].map((value) => value ?? null);
}

/** Of a `RowFilter`, what the index of `samples`, as s, finds: model and time. */
export const inRange = `
  s.model = $1 and s.source = 'production'
    and s.ts >= coalesce($2::timestamptz, '-infinity') and s.ts < coalesce($3::timestamptz, 'infinity')`;

/** The rest of it. */
export const passes = `
  ($4::text is null or exists (select from relearn.tags t where t.request_id = s.request_id and t.tag = $4))
    and ($5::text is null
      or exists (select from relearn.tags t where t.request_id = s.request_id and t.incident = $5))
    and ($6::text is null or s.model_version = $6)
    and ($7::text[] is null or s.kept_because = any($7))
    and ($8::float8 is null or s.response_logprob < $8)
    and ($9::text[] is null
      or exists (select from relearn.feedback f where f.request_id = s.request_id and f.kind = any($9)))
    and ($10::text is null or s.prompt ~* $10) and ($11::text is null or s.response ~* $11)
    and ($12::text is null or s.prompt ilike $12 or s.response ilike $12)
    and ($13::float8 is null or s.response_logprob >= $13)
    and ($14::text is null or exists (
      select from relearn.cluster_members k where k.model = $1 and k.request_id = s.request_id and k.key = $14))`;

/** The rows of `samples`, as s, that a `RowFilter` lets pass. */
export const matchingRows = `relearn.samples s where ${inRange} and ${passes}`;

const invalidPattern = '2201B';

/** Throws `invalid_request` for a regular expression that Postgres cannot read. */
async function select<Row extends object>(db: Database, sql: string, values: readonly unknown[]): Promise<Row[]> {
  try {
    return await db.query<Row>(sql, values);
  } catch (error) {
    if (sqlState(error) !== invalidPattern) throw error;
    throw new RelearnError('invalid_request', 'filter: Postgres cannot read the regular expression.', { cause: error });
  }
}

export async function countRows(db: Database, filter: RowFilter): Promise<number> {
  const [counted] = await select<{ rows: number }>(
    db,
    `select count(*) as rows from ${matchingRows}`,
    filterValues(filter),
  );
  return counted?.rows ?? 0;
}

/** At most `limit` request ids, the newest first. */
export async function selectRows(db: Database, filter: RowFilter, limit: number): Promise<string[]> {
  const rows = await select<{ request_id: string }>(
    db,
    `select s.request_id from ${matchingRows} order by s.ts desc limit $15`,
    [...filterValues(filter), limit],
  );
  return rows.map((row) => row.request_id);
}
