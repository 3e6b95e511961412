import { z } from 'zod';
import type { Database } from '../database.ts';
import { censusStart, countShares, readQuantiles, readTraffic, type CensusScope, type Measure } from './census.ts';
import { comparedAt } from './confidence-monitor.ts';
import { monitorNames } from './judgement.ts';

const referenceSchema = z.object({
  spansDay: z.boolean(),
  rows: z.number(),
  /** Time of its last row, as Postgres writes it. */
  until: z.string(),
  thresholds: z.array(z.number()),
  hours: z.array(z.object({ units: z.number(), sums: z.array(z.number()) })),
});

/** What traffic looked like after the deployment. Until it is `complete` nothing is compared with it. */
export type Reference = z.output<typeof referenceSchema> & { complete: boolean };

export interface ReferenceScope extends CensusScope {
  of: Measure;
  /** The threshold of indicator 0. A new one takes a new reference. */
  below: number;
  /** Rows are counted at this age. */
  lagSeconds: number;
  referenceRequests: number;
}

/** A reference that cannot fill up, since its first rows are about to leave `recent`, is taken from this many. */
const fewestRows = 100;
const hourMs = 3_600_000;
/** A day less the lag of feedback. */
const dayHours = 23;
/** More rows than this tell nothing new of a day. */
const enoughRows = 200_000;

/**
 * The reference of a version, counted once and stored, since `recent` forgets its rows. It is taken twice: from the
 * first `referenceRequests` rows, to watch at once; and from the first 24 hours in which nothing was detected, which
 * show the day's cycle.
 */
export async function takeReference(db: Database, scope: ReferenceScope): Promise<Reference> {
  const stored = await readReference(db, scope);
  if (stored?.spansDay === true) return stored;
  const at = new Date(scope.at.getTime() - scope.lagSeconds * 1000);
  const day = new Date(Math.max(censusStart(scope).getTime(), at.getTime() - 24 * hourMs));
  const isDay = at.getTime() - day.getTime() >= dayHours * hourMs;
  if (isDay && !(await sawDrift(db, scope, day))) {
    const { requests } = await readTraffic(db, scope, day);
    const everyNth = Math.max(1, Math.ceil(requests / enoughRows));
    const taken = await count(db, scope, { from: day, until: at, first: 2 * enoughRows, everyNth });
    if (taken.rows >= fewestRows) return store(db, scope, { ...taken, spansDay: true });
  }
  if (stored !== null) return stored;
  const from = censusStart(scope);
  const taken = await count(db, scope, { from, until: at, first: scope.referenceRequests, everyNth: 1 });
  const cannotGrow = scope.since < from && taken.rows >= fewestRows;
  if (taken.rows < scope.referenceRequests && !cannotGrow) return { ...taken, spansDay: false, complete: false };
  return store(db, scope, { ...taken, spansDay: false });
}

async function count(
  db: Database,
  scope: ReferenceScope,
  range: { from: Date; until: Date; first: number; everyNth: number },
): Promise<Omit<Reference, 'spansDay' | 'complete'>> {
  const times = { from: range.from.toISOString(), until: range.until.toISOString(), everyNth: range.everyNth };
  const quantiles =
    scope.of === 'logprob' ? await readQuantiles(db, scope, { ...times, first: range.first, shares: comparedAt }) : [];
  const thresholds = [scope.below, ...quantiles];
  const options = { of: scope.of, thresholds, limit: { first: range.first }, skipCounted: false };
  const { rows, until, hours } = await countShares(db, scope, { ...times, ...options });
  return { rows, until: until ?? times.from, thresholds, hours };
}

async function store(db: Database, scope: ReferenceScope, taken: Omit<Reference, 'complete'>): Promise<Reference> {
  await db.query(
    `insert into relearn.monitor_references as r (model, model_version, monitor, figures) values ($1, $2, $3, $4)
     on conflict (model, model_version, monitor) do update set figures = excluded.figures, taken_at = now()
       where r.figures->'thresholds'->0 is distinct from excluded.figures->'thresholds'->0
         or (excluded.figures->>'spansDay')::boolean and not (r.figures->>'spansDay')::boolean`,
    [scope.model, scope.modelVersion, scope.of, taken],
  );
  return (await readReference(db, scope)) ?? { ...taken, complete: true };
}

async function readReference(db: Database, scope: ReferenceScope): Promise<Reference | null> {
  const [row] = await db.query<{ figures: unknown }>(
    `select figures from relearn.monitor_references where model = $1 and model_version = $2 and monitor = $3`,
    [scope.model, scope.modelVersion, scope.of],
  );
  const parsed = referenceSchema.safeParse(row?.figures);
  if (!parsed.success || parsed.data.thresholds[0] !== scope.below) return null;
  return { ...parsed.data, complete: true };
}

/** A day with a detection in it is no reference. */
async function sawDrift(
  db: Database,
  { model, modelVersion }: Pick<CensusScope, 'model' | 'modelVersion'>,
  since: Date,
): Promise<boolean> {
  const rows = await db.query(
    `select 1 from relearn.monitor_verdicts
     where model = $1 and monitor = any($4) and at >= $3 and model_version = $2 and state = 'drift' limit 1`,
    [model, modelVersion, since, monitorNames],
  );
  return rows.length > 0;
}
