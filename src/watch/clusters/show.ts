import { lastSaid } from '../../chat.ts';
import type { Database } from '../../database.ts';

/** What the console shows of a cluster beside its figures. Holds users' words: never for a history. */
export interface ClusterPicture {
  model: string;
  key: string;
  terms: string[];
  firstSeenAt: Date;
  lookedAt: Date;
  /** The oldest first. */
  sizes: { at: string; rows: number }[];
  examples: { request_id: string; prompt: string; response: string }[];
}

const shownSizes = 24;
const shownExamples = 3;
const readCharacters = 20_000;
const shownCharacters = 300;

/** Terms, sizes at the last looks and the latest rows of these clusters. Its rows are looked for in the last days only. */
export async function pictureClusters(
  db: Database,
  clusters: readonly { model: string; key: string }[],
  windowDays: number,
): Promise<ClusterPicture[]> {
  const pictures = await db.query<ClusterPicture>(
    `select c.model, c.key, c.terms, c.first_seen_at as "firstSeenAt", c.updated_at as "lookedAt", sizes.sizes,
       examples.examples
     from unnest($1::text[], $2::text[]) asked (model, key)
     join relearn.clusters c using (model, key)
     cross join lateral (
       select coalesce(jsonb_agg(jsonb_build_object('at', z.at, 'rows', z.rows) order by z.at), '[]') as sizes
       from (select at, rows from relearn.cluster_sizes z where z.model = c.model and z.key = c.key
         order by at desc limit ${shownSizes}) z
     ) sizes
     cross join lateral (
       select coalesce(jsonb_agg(jsonb_build_object('request_id', s.request_id, 'prompt', left(s.prompt, ${readCharacters}),
         'response', left(s.response, ${shownCharacters}))), '[]') as examples
       from (select request_id from relearn.cluster_members k where k.model = c.model and k.key = c.key
         order by request_id desc limit ${shownExamples}) latest
       join relearn.samples s using (request_id)
       where s.ts > now() - make_interval(secs => $3 * 86400.0)
     ) examples`,
    [clusters.map(({ model }) => model), clusters.map(({ key }) => key), windowDays],
  );
  return pictures.map((picture) => ({
    ...picture,
    sizes: picture.sizes.map(({ at, rows }) => ({ at: new Date(at).toISOString(), rows })),
    examples: picture.examples.map((row) => ({ ...row, prompt: lastSaid(row.prompt, shownCharacters) })),
  }));
}
