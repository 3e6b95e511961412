import { createHash } from 'node:crypto';
import { sqlState, type Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { redactText } from '../log/redact/index.ts';
import type { TagRule } from './config.ts';
import { filterValues, matchingRows } from './select-rows.ts';

/** Rows reach the table some time after they were answered: each run looks back over the end of the one before. */
const overlap = '10 minutes';
/** A new rule looks back this far. */
const firstLook = '1 day';
const invalidPattern = '2201B';

/**
 * Tags the kept rows that meet a rule's conditions and came, or got their feedback, since it was applied last. A tag that
 * was taken off a row is not put back. Returns how many rows were tagged. Throws `invalid_config` for a
 * pattern that Postgres cannot read.
 */
export async function applyRule(db: Database, model: string, rule: TagRule): Promise<number> {
  const { tag, logprobBelow, keptBecause, feedback, prompt, response } = rule;
  const name = createHash('sha256').update(JSON.stringify(rule)).digest('hex').slice(0, 16);
  try {
    return await db.transaction(async (tx) => {
      await tx.query(`set local statement_timeout = '5min'`);
      const [done] = await tx.query<{ tagged: number }>(
        `with known as (
           select coalesce((select applied_until - interval '${overlap}' from relearn.tag_rules
             where model = $1 and rule = $15), now() - interval '${firstLook}') as since
         ), matching as (
           select s.request_id from ${matchingRows}
             and (s.ts > (select since from known) or $9::text[] is not null and s.request_id in (
               select f.request_id from relearn.feedback f
               where f.model = $1 and f.kind = any($9) and f.created_at > (select since from known)))
         ), tagged as (
           insert into relearn.tags (request_id, tag, model, source, actor)
           select distinct m.request_id, $16, $1, 'rule', 'rule ' || $15 from matching m
           where not exists (
             select from relearn.tag_removals r where r.request_id = m.request_id and r.tag = $16)
           on conflict do nothing returning 1
         ), noted as (
           insert into relearn.tag_rules (model, rule, applied_until) values ($1, $15, now())
           on conflict (model, rule) do update set applied_until = excluded.applied_until
         )
         select count(*) as tagged from tagged`,
        [...filterValues({ model, logprobBelow, keptBecause, feedback, prompt, response }), name, redactText(tag).text],
      );
      return done?.tagged ?? 0;
    });
  } catch (error) {
    if (sqlState(error) !== invalidPattern) throw error;
    throw new RelearnError(
      'invalid_config',
      `models.${model}.tags.rules: Postgres cannot read the pattern of the rule for ${tag}. Wanted its regular expressions.`,
      { cause: error },
    );
  }
}
