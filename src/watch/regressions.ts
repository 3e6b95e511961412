import type { Database } from '../database.ts';

/** A case of the gold set that fails oftener than it did at deployment, by its id: the sha-256 of its prompt, 12 digits. */
export interface Regression {
  case: string;
  failed: number;
  asked: number;
  baseline_failed: number;
  baseline_asked: number;
}

export interface PairedCases {
  /** Probes of the incident's version in its window, the last 50. */
  probes: number;
  /** Cases that fail oftener, the surest first, 200 at most. */
  regressions: Regression[];
  /** Cases that fail less often: as many as the regressions, it was noise. */
  improved: number;
}

/** Which cases flipped between the baseline and the probes of an incident's window, paired by case. */
export async function listRegressions(db: Database, incident: string): Promise<PairedCases> {
  const [row] = await db.query<PairedCases>(
    `with incident as (
       select model, model_version, window_start, coalesce(closed_at, now()) as until
       from relearn.incidents where id = $1
     ), probes as (
       select g.id, g.gold_sha256, g.failed_cases, g.asked from relearn.gold_runs g join incident i using (model, model_version)
       where g.purpose = 'probe' and g.state = 'ok' and g.at between i.window_start and i.until
       order by g.at desc limit 50
     ), baseline as (
       select g.gold_sha256, g.failed_cases from relearn.gold_runs g join incident i using (model, model_version)
       where g.purpose = 'baseline' and g.state = 'ok' and g.gold_sha256 in (select gold_sha256 from probes)
     ), failed_now as (
       select failed.id as "case", count(*) as failed
       from probes, jsonb_array_elements_text(failed_cases) failed (id) group by 1
     ), failed_before as (
       select failed.id as "case", count(*) as failed
       from baseline, jsonb_array_elements_text(failed_cases) failed (id) group by 1
     ), drawn as (
       select drawn.id as "case", count(*) as asked from probes, jsonb_array_elements_text(asked) drawn (id)
       where asked is not null group by 1
     ), whole as (select count(*) as asked from probes where asked is null
     ), counted as (
       select "case", coalesce(n.failed, 0) as failed, whole.asked + coalesce(d.asked, 0) as asked,
         coalesce(b.failed, 0) as baseline_failed, (select count(*) from baseline) as baseline_asked
       from failed_now n full join failed_before b using ("case") left join drawn d using ("case"), whole
     ), compared as (
       select c.*, failed::float8 / asked - baseline_failed::float8 / baseline_asked as worse
       from counted c where asked > 0 and baseline_asked > 0
     )
     select (select count(*) from probes) as probes, (select count(*) from compared where worse < 0) as improved,
       coalesce((select jsonb_agg(to_jsonb(worst) - 'worse' order by worst.worse * sqrt(asked) desc, "case") from (
         select * from compared where worse > 0 order by worse * sqrt(asked) desc, "case" limit 200) worst), '[]')
         as regressions`,
    [incident],
  );
  return row ?? { probes: 0, regressions: [], improved: 0 };
}
