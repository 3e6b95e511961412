import { z } from 'zod';
import type { Database } from '../database.ts';
import { monitorNames } from './judgement.ts';
import type { Judgement, MonitorState } from './judgement.ts';
import type { MonitorAction } from './monitor-action.ts';

export interface VerdictKey {
  model: string;
  modelVersion: string;
  monitor: string;
}

export interface StoredVerdict {
  state: MonitorState;
  figures: Record<string, unknown>;
  at: Date;
}

/**
 * Stores one look. `look` names it (a workflow run's id, for example): the same look recorded twice is one verdict, and
 * the second call gets the first one's answer back, so that a running statistic never counts a probe twice.
 */
export async function recordVerdict(
  db: Database,
  key: VerdictKey & { look: string; at: Date; action?: MonitorAction },
  judgement: Judgement,
): Promise<StoredVerdict & { created: boolean }> {
  return db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('relearn.monitor_verdicts'), hashtext($1))`, [
      `${key.model} ${key.monitor}`,
    ]);
    const [known] = await tx.query<StoredVerdict>(
      `select state, figures, at from relearn.monitor_verdicts
       where model = $1 and monitor = $2 and model_version = $3 and at >= $4 and figures->>'look' = $5
       order by at desc limit 1`,
      [key.model, key.monitor, key.modelVersion, new Date(key.at.getTime() - lookMemoryMs), key.look],
    );
    if (known !== undefined) return { ...known, created: false };
    const { effect, reason } = judgement;
    const action = key.action === undefined ? {} : { action: key.action };
    const figures = { ...judgement.figures, effect, reason, look: key.look, ...action };
    await tx.query(
      `insert into relearn.monitor_verdicts (model, model_version, monitor, at, state, figures)
       values ($1, $2, $3, $4, $5, $6)`,
      [key.model, key.modelVersion, key.monitor, key.at, judgement.state, figures],
    );
    return { state: judgement.state, figures, at: key.at, created: true };
  });
}

/** An activity that is tried again names its look within this time. */
const lookMemoryMs = 24 * 3_600_000;

/** The latest verdict of the monitor on this version, the look `except` left out. */
export async function lastVerdict(db: Database, key: VerdictKey, except = ''): Promise<StoredVerdict | null> {
  const [row] = await db.query<StoredVerdict>(
    `select state, figures, at from relearn.monitor_verdicts
     where model = $1 and monitor = $2 and model_version = $3 and figures->>'look' is distinct from $4
     order by at desc, id desc limit 1`,
    [key.model, key.monitor, key.modelVersion, except],
  );
  return row ?? null;
}

/** Whether the last look that could tell, the look `except` left out, saw drift on this version. */
export async function sawDrift(db: Database, key: VerdictKey, except: string): Promise<boolean> {
  const [row] = await db.query<{ drift: boolean }>(
    `select state = 'drift' as drift from relearn.monitor_verdicts
     where model = $1 and monitor = $2 and model_version = $3 and figures->>'look' is distinct from $4
       and state in ('clean', 'drift')
     order by at desc, id desc limit 1`,
    [key.model, key.monitor, key.modelVersion, except],
  );
  return row?.drift ?? false;
}

const carried = z.object({ logStatistic: z.number().optional(), until: z.string().optional() });

/** What a monitor carries from look to look: its statistic, and for traffic the time of the last row judged. */
export type Carried = z.output<typeof carried>;

/** What the look `except` goes on from; empty before the first one. */
export async function carriedFigures(db: Database, key: VerdictKey, except: string): Promise<Carried> {
  const verdict = await lastVerdict(db, key, except);
  return carried.safeParse(verdict?.figures).data ?? {};
}

export interface MonitorStatus {
  model: string;
  monitor: string;
  state: MonitorState;
  reason: string;
  /** What a detection does: `incident` or `warn`. */
  action: string;
  /** The statistic as a share of what raises an alarm; null when the look compared nothing. */
  evidence: number | null;
  at: Date;
}

/** In SQL: a verdict's statistic, a logarithm, as a share of the threshold at which it raises an alarm. */
export const evidenceShare = `case when figures ? 'logThreshold' then
  least(1, greatest(0, (figures->>'logStatistic')::float8) / (figures->>'logThreshold')::float8) end`;

/** The latest verdict of each monitor on the versions that serve, of the named models. */
export async function listMonitorStatus(db: Database, models: readonly string[]): Promise<MonitorStatus[]> {
  return db.query<MonitorStatus>(
    `select a.model, v.monitor, v.state, v.figures->>'reason' as reason,
       coalesce(v.figures->>'action', 'incident') as action, ${evidenceShare} as evidence, v.at
     from relearn.aliases a cross join unnest($2::text[]) as known (monitor)
     cross join lateral (
       select v.* from relearn.monitor_verdicts v
       where v.model = a.model and v.monitor = known.monitor and v.model_version = a.version
       order by v.at desc, v.id desc limit 1
     ) v
     where a.alias = 'champion' and a.model = any($1)
     order by a.model, v.monitor`,
    [models, monitorNames],
  );
}
