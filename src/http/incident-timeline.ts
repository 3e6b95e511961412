import type { Database } from '../database.ts';

export interface IncidentEvent {
  at: Date;
  kind: string;
  who: string | null;
  name: string | null;
  reason: string | null;
}

/** What happened in and because of an incident, the earliest first, from the tables of each step. */
export async function listIncidentEvents(db: Database, incident: string): Promise<IncidentEvent[]> {
  return db.query<IncidentEvent>(
    `with incident as (select * from relearn.incidents where id = $1),
     runs as (
       select r.*, (select string_agg(distinct t->>'by', ', ') from jsonb_array_elements(r.triggers) t
           where t->>'incident' = $1) as asked_by
       from relearn.retrain_runs r join incident i using (model)
       where r.triggers @> jsonb_build_array(jsonb_build_object('incident', $1::text))
     ), candidates as (
       select v.model, v.version from relearn.versions v join runs r on v.model = r.model and v.run = r.n
     ), said as (
       select c.created_at as at, c.operator, c.seq from relearn.corrections c join incident i using (model)
       where c.verified and c.created_at >= i.window_start
         and exists (select from relearn.tags t where t.request_id = c.request_id and t.incident = $1)
     )
     select at, kind, who, name, reason from (
       select window_start as at, 'window' as kind, null as who, model_version as name, null as reason, 0 as place
         from incident
       union all select detected_at, 'detected', null, monitor, figures->>'reason', 1 from incident
       union all select last_detected_at, 'detected_again', null, monitor, detections || ' detections', 1 from incident
       union all (select created_at, 'pinned', null, null, null, 2 from relearn.tags
         where incident = $1 and tag = 'drift_window' limit 1)
       union all (select at, 'first_correction', operator, null, null, 3 from said order by seq limit 1)
       union all (select at, 'last_correction', operator, null, null, 4 from said
         where seq > (select min(seq) from said) order by seq desc limit 1)
       union all select started_at, 'retrain_started', asked_by, 'run ' || n, null, 5 from runs
       union all select issued_at, 'gate', content->>'approvedBy', c.version,
           case when passed then 'passed' else 'not passed' end, 6
         from relearn.certificates c join candidates using (model, version)
       union all select o.started_at, 'canary', null, o.version, null, 7
         from relearn.rollouts o join runs r on r.model = o.model and r.n = o.run
       union all select d.at, d.action, d.actor, d.version, d.reason, 8
         from relearn.deployments d join candidates c
           on c.model = d.model and (c.version = d.version or d.action = 'rollback' and exists (
             select from relearn.deployments p where p.model = d.model and p.id < d.id and p.version = c.version))
       union all select finished_at, 'retrain_ended', null, 'run ' || n, concat_ws(': ', state, reason), 9 from runs
       union all select at, 'note', actor, action, details->>'reason', 10 from relearn.audit
         where subject = $1 and action not in ('incident_closed', 'incident_resolved')
       union all select closed_at, 'ended', (select actor from relearn.audit
           where subject = $1 and action = 'incident_' || incident.state order by id desc limit 1), state, reason, 11
         from incident
     ) events where at is not null order by at, place limit 500`,
    [incident],
  );
}
