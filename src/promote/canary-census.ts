import type { Database } from '../database.ts';
import type { ArmCount, Arms } from './canary.ts';

export interface CanaryCensus {
  rows: { champion: number; challenger: number };
  lowConfidence: Arms;
  negative: Arms;
}

interface CountedArm {
  version: string;
  rows: number;
  scored: number;
  users: number;
  scoredUsers: number;
  low: number;
  lowSpread: number;
  negative: number;
  negativeSpread: number;
}

/**
 * Counts what both versions answered since the rollout began, by user: production rows of `samples` and `recent`. A row is
 * of low confidence below the threshold of its own version.
 */
export async function readCanaryCensus(
  db: Database,
  scope: { model: string; since: Date; champion: VersionThreshold; challenger: VersionThreshold },
): Promise<CanaryCensus> {
  const { model, since, champion, challenger } = scope;
  const arms = await db.query<CountedArm>(
    `with answered as (
       select request_id, model_version, user_id_hash, response_logprob from relearn.samples
       where model = $1 and ts >= $2 and source = 'production' and model_version = any($3)
       union
       select request_id, model_version, user_id_hash, response_logprob from relearn.recent
       where model = $1 and ts >= $2 and source = 'production' and model_version = any($3)
     ), judged as (
       select a.*, a.response_logprob is not null as scored,
         coalesce(a.response_logprob < t.below, false) as low,
         exists (select 1 from relearn.tags g where g.request_id = a.request_id and g.tag = 'user_negative') as negative
       from answered a join unnest($3::text[], $4::float8[]) as t (version, below) on t.version = a.model_version
     ), users as (
       select model_version, count(*) as rows, count(*) filter (where scored) as scored,
         count(*) filter (where low) as low, count(*) filter (where negative) as negative
       from judged group by model_version, coalesce(user_id_hash, request_id)
     ), shares as (
       select *, sum(low) over version / nullif(sum(scored) over version, 0) as low_share,
         sum(negative) over version / sum(rows) over version as negative_share
       from users window version as (partition by model_version)
     )
     select model_version as version, sum(rows)::int as rows, sum(scored)::int as scored, count(*)::int as users,
       count(*) filter (where scored > 0)::int as "scoredUsers",
       sum(low)::int as low, coalesce(sum((low - low_share * scored) ^ 2), 0)::float8 as "lowSpread",
       sum(negative)::int as negative, sum((negative - negative_share * rows) ^ 2)::float8 as "negativeSpread"
     from shares group by model_version`,
    [model, since, [champion.version, challenger.version], [champion.below, challenger.below]],
  );
  const of = (version: string) => arms.find((arm) => arm.version === version);
  const [before, after] = [of(champion.version), of(challenger.version)];
  return {
    rows: { champion: before?.rows ?? 0, challenger: after?.rows ?? 0 },
    lowConfidence: { champion: confidenceOf(before), challenger: confidenceOf(after) },
    negative: { champion: complaintsOf(before), challenger: complaintsOf(after) },
  };
}

export interface VersionThreshold {
  version: string;
  /** Natural log. */
  below: number;
}

const nothing: ArmCount = { rows: 0, users: 0, hits: 0, spread: 0 };

function confidenceOf(arm: CountedArm | undefined): ArmCount {
  if (arm === undefined) return nothing;
  return { rows: arm.scored, users: arm.scoredUsers, hits: arm.low, spread: arm.lowSpread };
}

function complaintsOf(arm: CountedArm | undefined): ArmCount {
  if (arm === undefined) return nothing;
  return { rows: arm.rows, users: arm.users, hits: arm.negative, spread: arm.negativeSpread };
}
