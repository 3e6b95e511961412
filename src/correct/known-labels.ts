import type { Database } from '../database.ts';

const rowsRead = 5000;
/** Beyond this they are no labels but texts. */
const mostLabels = 1000;

/** The labels of a classifier: what people corrected to, and what it answered last. */
export async function listKnownLabels(db: Database, model: string): Promise<string[]> {
  const rows = await db.query<{ label: string }>(
    `select distinct btrim(label) as label from (
       select completion as label from relearn.current_corrections where model = $1
       union all
       (select response from relearn.samples where model = $1 and source = 'production' order by ts desc limit ${rowsRead})
     ) said where btrim(label) <> '' order by label limit ${mostLabels}`,
    [model],
  );
  return rows.map(({ label }) => label);
}

/**
 * The labels of a classifier, the likeliest answers first: what people corrected to lately, by how often, then what it
 * answered last, by how often.
 */
export async function listLabelsByUse(db: Database, model: string): Promise<string[]> {
  const rows = await db.query<{ label: string }>(
    `select label from (
       (select btrim(completion) as label, true as corrected from relearn.corrections
         where model = $1 and verified order by seq desc limit ${rowsRead})
       union all
       (select btrim(response), false from relearn.samples
         where model = $1 and source = 'production' order by ts desc limit ${rowsRead})
     ) said where label <> '' group by label
     order by count(*) filter (where corrected) desc, count(*) desc, label limit ${mostLabels}`,
    [model],
  );
  return rows.map(({ label }) => label);
}
