import type { Database } from '../../database.ts';
import type { ClusterState, Identified, KnownCluster } from './identity.ts';

/** Sizes at former looks are kept so long. */
const sizesDays = 90;

export interface FoundCluster {
  model: string;
  key: string;
  /** Its telling terms; its key when it has none. */
  name: string;
  state: ClusterState;
  rows: number;
  /** Rows corrected since it last triggered a retrain; 0 until its review is open. */
  corrected: number;
  underReview: boolean;
  /** The newest correction counted. */
  upToSeq: number;
}

export interface FailingRow {
  requestId: string;
  /** Redacted, as logged, its first 4,000 characters. */
  prompt: string;
}

/**
 * Rows that probably failed and that the champion has not learned: of low confidence, flagged, or tagged by a person or a
 * user, latest first. Tags of incidents do not count: most rows of a window are well. Nor do rows that a reviewer found right.
 */
export async function readFailures(
  db: Database,
  { model, windowDays, limit }: { model: string; windowDays: number; limit: number },
): Promise<FailingRow[]> {
  return db.query<FailingRow>(
    `with learned as (
       select d.request_id from relearn.aliases a
       join relearn.versions v on v.model = a.model and v.version = a.version
       join relearn.dataset_rows d on d.dataset = v.dataset and d.split = 'train'
       where a.model = $1 and a.alias = 'champion'
     )
     select s.request_id as "requestId", left(s.prompt, 4000) as prompt from relearn.samples s
     where s.model = $1 and s.source = 'production' and s.ts > now() - make_interval(secs => $2 * 86400.0)
       and (s.kept_because in ('low_confidence', 'flagged') or exists (
         select 1 from relearn.tags t where t.request_id = s.request_id
           and t.tag not in ('drift_window', 'post_drift') and t.tag not like 'cluster/%'))
       and s.request_id not in (select request_id from learned)
       and not exists (
         select 1 from relearn.current_corrections c where c.request_id = s.request_id and c.equals_response)
     order by s.ts desc, s.request_id limit $3`,
    [model, windowDays, limit],
  );
}

/** The clusters of the last look; null when `run` has written them: a step that runs twice looks once. */
export async function readKnown(
  db: Database,
  { model, run }: { model: string; run: string },
): Promise<KnownCluster[] | null> {
  const known = await db.query<KnownCluster & { run: string }>(
    `select c.key, c.state, c.rows, c.terms, c.run,
       array(select m.request_id from relearn.cluster_members m where m.model = c.model and m.key = c.key) as members
     from relearn.clusters c where c.model = $1 and c.kind = 'found' order by c.id`,
    [model],
  );
  return known.some((cluster) => cluster.run === run) ? null : known;
}

/** Stores what a look found. New groups get a key of their own, `cluster/<id>`. */
export async function storeFound(
  db: Database,
  { model, run }: { model: string; run: string },
  { groups, resolved }: { groups: readonly Identified[]; resolved: readonly string[] },
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('relearn.clusters'), hashtext($1))`, [model]);
    const fresh = await tx.query<{ key: string }>(
      `insert into relearn.clusters (model, key, kind, id) overriding system value
       select $1, 'cluster/' || id, 'found', id
       from (select nextval(pg_get_serial_sequence('relearn.clusters', 'id')) as id from generate_series(1, $2)) ids
       returning key`,
      [model, groups.filter(({ key }) => key === null).length],
    );
    const keyed = groups.map((group) => ({ ...group, key: group.key ?? fresh.shift()?.key ?? '' }));
    await tx.query(`delete from relearn.cluster_members where model = $1`, [model]);
    await tx.query(
      `update relearn.clusters c set state = f.state, rows = f.rows, run = $2, updated_at = now(),
         terms = array(select jsonb_array_elements_text(f.terms))
       from unnest($3::text[], $4::text[], $5::int[], $6::jsonb[]) as f (key, state, rows, terms)
       where c.model = $1 and c.key = f.key`,
      [
        model,
        run,
        keyed.map(({ key }) => key),
        keyed.map(({ state }) => state),
        keyed.map(({ members }) => members.length),
        keyed.map(({ terms }) => JSON.stringify(terms)),
      ],
    );
    await tx.query(
      `update relearn.clusters set state = 'resolved', rows = 0, run = $2, review_opened_at = null, updated_at = now()
       where model = $1 and key = any($3)`,
      [model, run, resolved],
    );
    await tx.query(
      `insert into relearn.cluster_sizes (model, key, rows)
       select c.model, c.key, c.rows from relearn.clusters c
       where c.model = $1 and c.kind = 'found' and c.run = $2 and (c.rows > 0 or 0 < (
         select z.rows from relearn.cluster_sizes z where z.model = c.model and z.key = c.key order by z.at desc limit 1))
       on conflict do nothing`,
      [model, run],
    );
    await tx.query(
      `delete from relearn.cluster_sizes where model = $1 and at < now() - make_interval(days => ${sizesDays})`,
      [model],
    );
    await tx.query(
      `insert into relearn.cluster_members (model, key, request_id)
       select $1, * from unnest($2::text[], $3::text[])`,
      [
        model,
        keyed.flatMap(({ key, members }) => members.map(() => key)),
        keyed.flatMap(({ members }) => [...members]),
      ],
    );
  });
}

/**
 * Opens a targeted review of each cluster of `reviewAt` rows: its rows are tagged with its key, now and at each later look,
 * and come first in the queue. They are in `samples` already.
 */
export async function openReviews(
  db: Database,
  { model, reviewAt }: { model: string; reviewAt: number },
): Promise<void> {
  await db.query(
    `with opened as (
       update relearn.clusters set review_opened_at = coalesce(review_opened_at, now())
       where model = $1 and kind = 'found' and state <> 'resolved' and (review_opened_at is not null or rows >= $2)
       returning key
     )
     insert into relearn.tags (request_id, tag, model, source, actor)
     select m.request_id, m.key, $1, 'drift', 'relearn'
     from opened join relearn.cluster_members m on m.model = $1 and m.key = opened.key
     on conflict do nothing`,
    [model, reviewAt],
  );
}

/** The found clusters of each model, those that last first, then the latest; with the corrections of those under review. */
export async function listFound(db: Database, models: readonly string[]): Promise<FoundCluster[]> {
  return db.query<FoundCluster>(
    `select c.model, c.key, coalesce(nullif(array_to_string(c.terms[1:3], ', '), ''), c.key) as name, c.state, c.rows,
       c.review_opened_at is not null as "underReview",
       coalesce(fresh.corrected, 0) as corrected, coalesce(fresh.up_to, 0) as "upToSeq"
     from relearn.clusters c
     left join lateral (
       select count(distinct k.request_id) as corrected, max(k.seq) as up_to
       from relearn.tags t
       -- Row by row: joined, every cluster would read all corrections.
       cross join lateral (
         select k.request_id, k.seq from relearn.corrections k
         where k.request_id = t.request_id and k.verified and not k.equals_response and k.seq > c.last_triggered_seq
         offset 0
       ) k
       where t.model = c.model and t.tag = c.key and c.review_opened_at is not null
     ) fresh on true
     where c.model = any($1) and c.kind = 'found'
     order by c.state = 'resolved', c.rows desc, c.updated_at desc, c.id
     limit 500`,
    [models],
  );
}
