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
