import { recordAudit, type Actor } from '../audit.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';

export type IncidentState = 'open' | 'collecting' | 'retraining' | 'grace' | 'resolved' | 'closed';

export interface Incident {
  id: string;
  model: string;
  modelVersion: string;
  monitor: string;
  /** The outside detector's id of the event that opened it. */
  eventId: string | null;
  detectedAt: Date;
  /** The latest detection that joined it; null while there was one only. */
  lastDetectedAt: Date | null;
  /** Its rows begin here. */
  windowStart: Date;
  /** Its rows end here; null while rows still join it. */
  collectingUntil: Date | null;
  state: IncidentState;
  reason: string | null;
  figures: Record<string, unknown>;
  detections: number;
  closedAt: Date | null;
}

export interface Detection {
  model: string;
  modelVersion: string;
  /** The monitor that fired, or the name of an outside detector. */
  monitor: string;
  detectedAt: Date;
  eventId?: string | undefined;
  figures: Record<string, unknown>;
  windowHours: number;
  hotWindowHours: number;
  /** Who reported it, for the audit; left out: a monitor of ours. */
  by?: Actor | undefined;
}

const columns = `id, model, model_version as "modelVersion", monitor, event_id as "eventId",
  detected_at as "detectedAt", last_detected_at as "lastDetectedAt", window_start as "windowStart", collecting_until as "collectingUntil", state, reason,
  figures, detections, closed_at as "closedAt"`;
const isOpen = `state not in ('resolved', 'closed')`;

/**
 * Writes `deployment_drift_detected`. A model has one open incident: a further detection joins it, and `created` is
 * false. An event that was seen before answers with its incident and changes nothing.
 *
 * The window begins at the monitor's last clean verdict, but not later than `windowHours` and not earlier than
 * `hotWindowHours` before the detection. A monitor that was never clean says nothing about when it began: `windowHours`.
 */
export async function openIncident(db: Database, detection: Detection): Promise<{ id: string; created: boolean }> {
  // Each turn loses only to another process that opened, or closed, an incident of this model at this moment.
  for (let turn = 0; turn < 5; turn += 1) {
    const found = await db.transaction((tx) => findOrInsert(tx, detection));
    if (found !== null) return found;
  }
  throw new RelearnError(
    'database_error',
    `Cannot open an incident of ${detection.model}: too many at once. Try again.`,
  );
}

async function findOrInsert(db: Database, detection: Detection): Promise<{ id: string; created: boolean } | null> {
  const seen = await findByEvent(db, detection);
  if (seen !== null) return { id: seen, created: false };
  const joined = await joinOpenIncident(db, detection);
  const id = joined ?? (await insertIncident(db, detection));
  if (id === null) return null;
  const { model, monitor, eventId, by: actor } = detection;
  if (eventId !== undefined) {
    await db.query(`insert into relearn.drift_events (model, event_id, incident) values ($1, $2, $3)`, [
      model,
      eventId,
      id,
    ]);
  }
  const details = { monitor, event: eventId, created: joined === null };
  if (actor !== undefined) await recordAudit(db, { actor, action: 'drift_event', model, subject: id, details });
  return { id, created: joined === null };
}

/** Holds the event till the transaction ends: the same one at the same moment waits, and finds it. */
async function findByEvent(db: Database, { model, eventId }: Detection): Promise<string | null> {
  if (eventId === undefined) return null;
  await db.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [JSON.stringify([model, eventId])]);
  const [row] = await db.query<{ incident: string }>(
    `select incident from relearn.drift_events where model = $1 and event_id = $2`,
    [model, eventId],
  );
  return row?.incident ?? null;
}

async function joinOpenIncident(db: Database, { model, detectedAt }: Detection): Promise<string | null> {
  const [row] = await db.query<{ id: string }>(
    `update relearn.incidents set detections = detections + 1,
       last_detected_at = greatest(last_detected_at, detected_at, $2)
     where model = $1 and ${isOpen} returning id`,
    [model, detectedAt],
  );
  return row?.id ?? null;
}

async function insertIncident(db: Database, detection: Detection): Promise<string | null> {
  const { model, modelVersion, monitor, detectedAt, eventId, figures, windowHours, hotWindowHours } = detection;
  const stamp = detectedAt.toISOString().replaceAll(/[-:]|\..*/g, '');
  const word = monitor
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  const [row] = await db.query<{ id: string }>(
    `insert into relearn.incidents
       (id, model, model_version, monitor, event_id, detected_at, window_start, figures)
     select $1 || case when taken.n = 0 then '' else '-' || taken.n + 1 end, $2, $3, $4, $5, $6::timestamptz,
       $6::timestamptz - least(greatest($6::timestamptz - clean.at, hours.usual), greatest(hours.usual, hours.hot)), $7
     from (select count(*) as n from relearn.incidents where id = $1 or id like $1 || '-%') taken,
       (select make_interval(secs => $8 * 3600.0) as usual, make_interval(secs => $9 * 3600.0) as hot) hours,
       (select max(at) as at from relearn.monitor_verdicts
        where model = $2 and monitor = $4 and model_version = $3 and state = 'clean' and at <= $6) clean
     on conflict do nothing returning id`,
    [
      `${stamp}-${word}`,
      model,
      modelVersion,
      monitor,
      eventId ?? null,
      detectedAt,
      figures,
      windowHours,
      hotWindowHours,
    ],
  );
  return row?.id ?? null;
}

/** Throws `incident_not_found`. */
export async function getIncident(db: Database, id: string): Promise<Incident> {
  const [incident] = await db.query<Incident>(`select ${columns} from relearn.incidents where id = $1`, [id]);
  if (incident !== undefined) return incident;
  throw new RelearnError('incident_not_found', `There is no incident ${id}. GET /api/incidents lists them.`);
}

/** The newest first; all models and states unless told. */
export async function listIncidents(
  db: Database,
  filter: { model?: string | undefined; open?: boolean | undefined } = {},
): Promise<Incident[]> {
  return db.query<Incident>(
    `select ${columns} from relearn.incidents
     where ($1::text is null or model = $1) and ($2::boolean is null or (${isOpen}) = $2)
     order by detected_at desc, id desc limit 1000`,
    [filter.model ?? null, filter.open ?? null],
  );
}

/** Drift was seen after the grace time began: what was promoted has not cured it. */
const isDetectedAgain = `coalesce(last_detected_at > collecting_until, false)`;

/**
 * Moves an incident on, and notes in the audit who wanted it. Resolved and closed are final: the same end said again is
 * no error, anything else throws `incident_not_open`. Grace and an end stop the collecting of rows, going back to
 * collecting takes it up again. An incident that was detected again in its grace time is not resolved: it is returned as
 * it is.
 */
export async function setIncidentState(
  db: Database,
  id: string,
  state: IncidentState,
  { reason = null, by = null }: { reason?: string | null; by?: Actor | null } = {},
): Promise<Incident> {
  const [moved] = await db.query<Incident>(
    `with before as (
       select id as before_id, state as before from relearn.incidents where id = $1 for update
     ), moved as (
       update relearn.incidents set state = $2, reason = coalesce($3, reason),
         closed_at = case when $2 in ('resolved', 'closed') then now() end,
         collecting_until = case when $2 in ('grace', 'resolved', 'closed') then coalesce(collecting_until, now()) end
       from before
       where id = before_id and ${isOpen} and not ($2 = 'resolved' and ${isDetectedAgain}) returning *
     ), noted as (
       insert into relearn.audit (actor, action, model, subject, details)
       select $4, 'incident_' || state, model, id,
         jsonb_strip_nulls(jsonb_build_object('from', before, 'reason', reason, 'key', $5::text))
       from moved where $4::text is not null and before <> state
     )
     select ${columns} from moved`,
    [id, state, reason, by?.name ?? null, by?.key ?? null],
  );
  if (moved !== undefined) return moved;
  const incident = await getIncident(db, id);
  if (incident.state === state || (state === 'resolved' && incident.state === 'grace')) return incident;
  throw new RelearnError('incident_not_open', `Incident ${id} is ${incident.state} already. Wanted an open one.`);
}

export interface IncidentProgress {
  /** Distinct rows that carry a tag of the incident. */
  rows: number;
  corrected: number;
  /**
   * Corrected rows whose current correction differs from the response, without those that the version which drifted had
   * learned already: only these count towards `minCorrected`.
   */
  counted: number;
  /** Corrected rows of which two people say different things. */
  disagreements: number;
  /** Drift was seen after the grace time began. */
  detectedAgain: boolean;
}

/**
 * Whether the version that drifted had learned a correction: so it is where the window of an incident reaches back into
 * the one before. Such a correction neither brings a retrain nearer nor cures. `row` has the request id, `incident` is
 * an alias of relearn.incidents.
 */
export function learnedBefore(row: string, correctionId: string, incident: string): string {
  return `exists (select from relearn.versions drifted join relearn.dataset_rows known using (dataset)
    where drifted.model = ${incident}.model and drifted.version = ${incident}.model_version
      and known.request_id = ${row}.request_id and known.correction_id = ${correctionId})`;
}

/** How far an incident's rows are corrected. */
export async function incidentProgress(db: Database, id: string): Promise<IncidentProgress> {
  const [progress] = await db.query<IncidentProgress>(
    `with said as (
       select distinct on (c.request_id, c.operator) c.request_id, c.id, c.seq, c.completion, c.equals_response
       from relearn.corrections c
       where c.model = (select model from relearn.incidents where id = $1) and c.verified
         and exists (select from relearn.tags t where t.request_id = c.request_id and t.incident = $1)
       order by c.request_id, c.operator, c.seq desc
     ), rows as (
       select request_id, (array_agg(id order by seq desc))[1] as id, count(distinct completion) > 1 as disputed,
         (array_agg(equals_response order by seq desc))[1] as confirmed
       from said group by request_id
     )
     select (select count(distinct request_id) from relearn.tags where incident = $1) as rows,
       count(*) as corrected,
       count(*) filter (where not confirmed and not ${learnedBefore('rows', 'rows.id', 'i')}) as counted,
       count(*) filter (where disputed) as disagreements,
       coalesce((select ${isDetectedAgain} from relearn.incidents where id = $1), false) as "detectedAgain"
     from rows left join relearn.incidents i on i.id = $1`,
    [id],
  );
  return progress ?? { rows: 0, corrected: 0, counted: 0, disagreements: 0, detectedAgain: false };
}
