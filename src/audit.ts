import type { Database } from './database.ts';

/** Who did something. */
export interface Actor {
  /** As a person gave it, or the name of a detector. */
  name: string;
  /** Name of the API key it came with; null for the command line, Temporal, and where keys are off. */
  key: string | null;
}

export interface AuditEntry {
  actor: Actor;
  /** A verb and its object, such as `close_incident`. */
  action: string;
  model?: string | undefined;
  /** What it was done to: the id of an incident, a tag. */
  subject?: string | undefined;
  /** Counts and ids; no text of a request. */
  details?: Record<string, unknown> | undefined;
}

/** Notes who did what. */
export async function recordAudit(
  db: Database,
  { actor, action, model, subject, details = {} }: AuditEntry,
): Promise<void> {
  await db.query(
    `insert into relearn.audit (actor, action, model, subject, details)
     values ($1, $2, $3, $4, $5::jsonb || jsonb_strip_nulls(jsonb_build_object('key', $6::text)))`,
    [actor.name, action, model ?? null, subject ?? null, details, actor.key],
  );
}
