import { request } from 'undici';
import { z } from 'zod';
import { RelearnError } from '../../src/errors.ts';

const incidentSchema = z.object({
  id: z.string(),
  monitor: z.string(),
  state: z.enum(['open', 'collecting', 'retraining', 'grace', 'resolved', 'closed']),
  reason: z.string().nullable(),
  detected_at: z.coerce.date(),
  corrected: z.number(),
  counted: z.number(),
});

/** An incident as the review API lists it: corrected rows, and those that count towards the retrain. */
export type IncidentView = z.output<typeof incidentSchema>;

const queueSchema = z.object({ rows: z.array(z.object({ request_id: z.string() })), waiting: z.number() });

const gateSchema = z.object({ metric: z.string(), slice: z.string(), outcome: z.string(), reason: z.string() });
const modelsSchema = z.object({
  models: z.array(
    z.object({
      model: z.string(),
      champion: z.string().nullable(),
      versions: z.array(
        z.object({
          version: z.string(),
          certificate: z
            .object({ content: z.object({ verdict: z.object({ gates: z.array(gateSchema) }).nullable() }) })
            .nullable(),
        }),
      ),
    }),
  ),
});

export type GateView = z.output<typeof gateSchema>;

export interface ReviewApi {
  /** The latest incident of the model. */
  incident(model: string): Promise<IncidentView | undefined>;
  /** How many rows an incident has tagged. */
  tagged(incident: string): Promise<number>;
  /** The first request ids of what waits for a correction, in the order of the queue, and how many wait in all. */
  queue(model: string, incident: string, limit: number): Promise<{ requestIds: string[]; waiting: number }>;
  /** The version that serves, with the gates it passed. */
  champion(model: string): Promise<{ version: string; gates: GateView[] } | undefined>;
}

/**
 * Reads the review API at `url`, as a review tool would; `key` is for one that wants keys. Throws when it does not answer
 * as agreed.
 */
export function openReviewApi(url: string, key?: string): ReviewApi {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  async function get<Schema extends z.ZodType>(
    path: string,
    query: Record<string, string | number>,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const { statusCode, body } = await request(new URL(path, url), { query, headers, headersTimeout: 10_000 });
    const text = await body.text();
    if (statusCode === 200) return schema.parse(JSON.parse(text));
    throw new RelearnError('stack_failed', `${path} of the review API answered ${statusCode}: ${text.slice(0, 300)}`);
  }

  return {
    async incident(model) {
      const { incidents } = await get(
        '/api/incidents',
        { model, limit: 1 },
        z.object({ incidents: z.array(incidentSchema) }),
      );
      return incidents[0];
    },
    async tagged(incident) {
      const { rows } = await get(`/api/incidents/${encodeURIComponent(incident)}`, {}, z.object({ rows: z.number() }));
      return rows;
    },
    async queue(model, incident, limit) {
      const { rows, waiting } = await get('/api/review', { model, incident, limit }, queueSchema);
      return { requestIds: rows.map((row) => row.request_id), waiting };
    },
    async champion(model) {
      const { models } = await get('/api/models', {}, modelsSchema);
      const found = models.find((one) => one.model === model);
      if (found === undefined || found.champion === null) return undefined;
      const serving = found.versions.find(({ version }) => version === found.champion);
      return { version: found.champion, gates: serving?.certificate?.content.verdict?.gates ?? [] };
    },
  };
}
