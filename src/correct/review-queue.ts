import type { Database } from '../database.ts';

/** A production row that waits for a correction. Texts are redacted. */
export interface ReviewRow {
  request_id: string;
  ts: Date;
  model: string;
  model_version: string;
  /** A text, or the messages of a conversation as JSON. */
  prompt: string;
  response: string;
  response_logprob: number | null;
  tags: string[];
  /** The latest incident the row belongs to; null for none. */
  incident: string | null;
}

export interface ReviewFilter {
  models: readonly string[];
  incident?: string | undefined;
  tag?: string | undefined;
  /** The key of a cluster: its rows at the last look, and those tagged with it. */
  cluster?: string | undefined;
}

export interface Place {
  requestId: string;
  model: string;
  /** The representative of the row's card; null for a row without one. */
  card: string | null;
}

export interface PlaceOptions extends ReviewFilter {
  /** At most so many. */
  limit: number;
  /** One row a card: the first that waits. */
  headsOnly?: boolean;
  /** Only what this reviewer may be given now: held by nobody, and not skipped by them. */
  freeFor?: string;
}

const waits = `q.removed_at is null and not exists (
  select 1 from relearn.corrections r where r.request_id = q.request_id and r.verified)`;
/** $3 reviewer. */
export const isFree = `(q.leased_until is null or q.leased_until <= now())
  and not (q.skipped_until > now() and q.skipped_by @> array[$3::text])`;
/** $1 models; a model has one open incident at most. */
const wanted = `(select w.model, i.id as incident from unnest($1::text[]) w (model)
  left join relearn.incidents i on i.model = w.model and i.state not in ('resolved', 'closed')) m`;
/** What waits, in the order of reviewing: cards by rank, then rows of the open incident, then the rest. */
const parts = [
  { where: 'q.card is not null', order: 'rank, position, request_id', folds: true },
  {
    where: 'q.card is null and q.incident = m.incident',
    order: 'confidence, ts desc, request_id',
    folds: false,
  },
  {
    where: 'q.card is null and q.incident is distinct from m.incident',
    order: 'confidence, ts desc, request_id',
    folds: false,
  },
] as const;

/** The first places of the queue. */
export async function listPlaces(db: Database, options: PlaceOptions): Promise<Place[]> {
  const places: Place[] = [];
  for (const part of parts) {
    if (places.length >= options.limit) break;
    places.push(...(await listPart(db, part, { ...options, limit: options.limit - places.length })));
  }
  return places;
}

async function listPart(
  db: Database,
  { where, order, folds }: (typeof parts)[number],
  { models, incident, tag, cluster, limit, headsOnly, freeFor }: PlaceOptions,
): Promise<Place[]> {
  const narrowed = (alias: string) => narrow(alias, { incident, tag, cluster }, 4);
  // The first row of a card that waits, of those asked for.
  const isHead = `not exists (
    select 1 from relearn.review_queue e where e.model = q.model and e.card = q.card and e.removed_at is null
      and (e.position, e.request_id) < (q.position, q.request_id) and ${narrowed('e')})`;
  const conditions = [
    ...[where, waits, narrowed('q'), freeFor === undefined ? '$3::text is null' : isFree],
    ...(headsOnly === true && folds ? [isHead] : []),
  ];
  // Each model is a list in order of its own; the first ones of all are the first ones of each.
  return db.query<Place>(
    `select found.request_id as "requestId", found.model, found.card from ${wanted}
     cross join lateral (
       select q.* from relearn.review_queue q
       where q.model = m.model and ${conditions.join(' and ')} order by ${order} limit $2
     ) found
     order by ${order.replaceAll(/\b(?=(rank|position|confidence|ts|request_id)\b)/g, 'found.')} limit $2`,
    [models, limit, freeFor ?? null, incident ?? null, tag ?? null, cluster ?? null],
  );
}

/** Conditions on the queue's row `alias`; incident, tag and cluster are the parameters from `first` on. */
export function narrow(alias: string, { incident, tag, cluster }: Omit<ReviewFilter, 'models'>, first: number): string {
  const tagged = (parameter: number) =>
    `exists (select 1 from relearn.tags t where t.request_id = ${alias}.request_id and t.tag = $${parameter})`;
  const member = `exists (select 1 from relearn.cluster_members k
    where k.model = ${alias}.model and k.request_id = ${alias}.request_id and k.key = $${first + 2})`;
  return [
    incident === undefined ? `$${first}::text is null` : `${alias}.incident = $${first}`,
    tag === undefined ? `$${first + 1}::text is null` : tagged(first + 1),
    cluster === undefined ? `$${first + 2}::text is null` : `(${member} or ${tagged(first + 2)})`,
  ].join(' and ');
}

/**
 * One page of what people should correct: cards by rank, each with its near-duplicates; then what has no card yet,
 * rows of the open incident first, the least confident first.
 */
export async function listReviewQueue(
  db: Database,
  { limit, offset, ...filter }: ReviewFilter & { limit: number; offset: number },
): Promise<ReviewRow[]> {
  const places = await listPlaces(db, { ...filter, limit: limit + offset });
  return readReviewRows(
    db,
    places.slice(offset).map(({ requestId }) => requestId),
  );
}

/** The rows of these request ids, in this order; one that is gone is left out. */
export async function readReviewRows(db: Database, requestIds: readonly string[]): Promise<ReviewRow[]> {
  return db.query<ReviewRow>(
    `select s.request_id, s.ts, s.model, s.model_version, s.prompt, s.response, s.response_logprob,
       array(select distinct t.tag from relearn.tags t where t.request_id = s.request_id order by t.tag) as tags,
       nullif(q.incident, '') as incident
     from unnest($1::text[]) with ordinality as page (request_id, place)
     join relearn.review_queue q using (request_id)
     join relearn.samples s on s.request_id = q.request_id and s.ts = q.ts
     order by page.place`,
    [requestIds],
  );
}

/** How many rows wait for a correction. */
export async function countReviewQueue(db: Database, { models, ...filter }: ReviewFilter): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    `select count(*) as rows from relearn.review_queue q
     where q.model = any($1) and q.removed_at is null and ${narrow('q', filter, 2)}`,
    [models, filter.incident ?? null, filter.tag ?? null, filter.cluster ?? null],
  );
  return row?.rows ?? 0;
}
