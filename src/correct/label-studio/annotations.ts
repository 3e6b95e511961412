import { z } from 'zod';
import type { Database } from '../../database.ts';
import { storeCorrections, type StoredCorrection } from '../corrections.ts';
import { restateCorrections } from '../restate.ts';

const resultSchema = z.object({
  type: z.string(),
  value: z.looseObject({
    text: z.union([z.string(), z.array(z.string())]).optional(),
    choices: z.array(z.string()).optional(),
  }),
});

/** An annotation as Label Studio gives it, by its API and in webhooks. */
export const annotationSchema = z.object({
  id: z.number(),
  result: z.array(z.unknown()),
  was_cancelled: z.boolean().default(false),
  updated_at: z.coerce.date(),
  completed_by: z.union([z.number(), z.object({ id: z.number() }).transform(({ id }) => id)]).nullish(),
});
export type Annotation = z.output<typeof annotationSchema>;

/** What an annotation says: the text that was typed, else the choice; null when it says nothing or was skipped. */
export function readAnnotation({ result, was_cancelled: skipped }: Pick<Annotation, 'result' | 'was_cancelled'>) {
  if (skipped) return null;
  const regions = result.flatMap((region) => resultSchema.safeParse(region).data ?? []);
  const typed = regions.flatMap(({ type, value }) => (type === 'textarea' ? [value.text ?? []].flat() : []));
  const chosen = regions.flatMap(({ type, value }) => (type === 'choices' ? (value.choices ?? []) : []));
  return typed.join('\n').trim() || chosen[0]?.trim() || null;
}

interface Given {
  requestId: string;
  annotation: Annotation;
}

/**
 * Stores annotations of pushed rows as corrections by `label-studio/<user id>`. An annotation that comes again, or in an
 * older state, changes nothing; one that was edited becomes a newer correction. What belongs to no pushed row is left out.
 */
export async function takeAnnotations(
  db: Database,
  { url, project }: { url: string; project: number },
  given: readonly Given[],
): Promise<StoredCorrection[]> {
  const said = given.flatMap(({ requestId, annotation }) => {
    const completion = readAnnotation(annotation);
    return completion === null ? [] : [{ requestId, annotation, completion }];
  });
  if (said.length === 0) return [];
  return db.transaction(async (tx) => {
    const news = await noteNews(tx, url, project, said);
    const fresh = said
      .filter(({ annotation }) => news.has(annotation.id))
      .sort((a, b) => a.annotation.updated_at.getTime() - b.annotation.updated_at.getTime());
    const stored = await storeCorrections(
      tx,
      fresh.map(({ requestId, annotation, completion }) => ({
        ...{ requestId, completion, source: 'label_studio' },
        operator: `label-studio/${annotation.completed_by ?? 'unknown'}`,
      })),
    );
    const corrections = await restateCorrections(tx, stored);
    await tx.query(
      `update relearn.label_studio_annotations a set correction_id = given.correction_id
       from unnest($2::bigint[], $3::text[]) as given (annotation_id, correction_id)
       where a.url = $1 and a.annotation_id = given.annotation_id`,
      [url, fresh.map(({ annotation }) => annotation.id), corrections.map(({ id }) => id)],
    );
    return corrections;
  });
}

/** The ids of those that are new, or newer than what came before. */
async function noteNews(tx: Database, url: string, project: number, said: readonly Given[]): Promise<Set<number>> {
  const rows = await tx.query<{ id: number }>(
    `insert into relearn.label_studio_annotations as known (url, annotation_id, request_id, updated_at)
     select distinct on (given.annotation_id) $1, given.annotation_id, given.request_id, given.updated_at
     from unnest($3::bigint[], $4::text[], $5::timestamptz[]) as given (annotation_id, request_id, updated_at)
     join relearn.label_studio_tasks t on t.url = $1 and t.project = $2 and t.request_id = given.request_id
     order by given.annotation_id, given.updated_at desc
     on conflict (url, annotation_id) do update set updated_at = excluded.updated_at
       where known.updated_at < excluded.updated_at
     returning known.annotation_id as id`,
    [
      ...[url, project, said.map(({ annotation }) => annotation.id), said.map(({ requestId }) => requestId)],
      said.map(({ annotation }) => annotation.updated_at),
    ],
  );
  return new Set(rows.map(({ id }) => id));
}
