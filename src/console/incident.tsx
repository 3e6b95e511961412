import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { z } from 'zod';
import { incidentResponse } from '../http/incident-schemas.ts';
import { Ago } from './ago.tsx';
import { get } from './api.ts';
import { Clusters, Flipped, Reviewers } from './incident-evidence.tsx';
import { Monitors } from './incident-monitors.tsx';
import { Timeline } from './incident-timeline.tsx';
import { Badge, Decide, Failure } from './parts.tsx';
import { placeOf, reviewPlace } from './route.ts';
import { usePerson } from './session.ts';
import './incident.css';

export type IncidentView = z.output<typeof incidentResponse>;

/** One incident: what was seen, how far it is, who did what, and the two decisions a person can take. */
export function Incident({ id }: { id: string }) {
  const path = `/api/incidents/${encodeURIComponent(id)}`;
  const asked = useQuery({
    queryKey: ['live', 'incident', id],
    queryFn: () => get(path, incidentResponse),
    gcTime: 0, // who comes back to decide sees what is, not what was
  });
  if (asked.isError) return <Failure error={asked.error} />;
  const incident = asked.data;
  if (incident === undefined) return <p className="quiet">Loading…</p>;
  return (
    <>
      <Head incident={incident} path={path} />
      <div className="incident">
        <div>
          <Part name="What the monitors saw">
            <Monitors monitors={incident.monitors} found={incident.monitor} />
          </Part>
          <Part name="Gold cases that flipped">
            <Flipped gold={incident.gold_cases} />
          </Part>
          <Part name="What the waiting rows are about">
            <Clusters incident={incident} />
          </Part>
        </div>
        <div>
          <Part name="Timeline">
            <Timeline events={incident.timeline} />
          </Part>
          <Part name="Who corrected">
            <Reviewers incident={incident} />
          </Part>
          <details className="panel">
            <summary>All figures, as stored</summary>
            <pre className="text">{JSON.stringify(incident.figures, null, 2)}</pre>
          </details>
        </div>
      </div>
    </>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  const id = name.replaceAll(' ', '-');
  return (
    <section className="panel" aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      {children}
    </section>
  );
}

function Head({ incident, path }: { incident: IncidentView; path: string }) {
  const { id, model, monitor, state, reason, rows, counted, wanted, progress } = incident;
  const hours = (Date.parse(incident.detected_at) - Date.parse(incident.window_start)) / 3_600_000;
  return (
    <>
      <p className="crumb">
        <a href={placeOf('incidents')}>Incidents</a>
      </p>
      <div className="line">
        <h1>
          {model}: {monitor.replaceAll('_', ' ')}
        </h1>
        <Badge state={state} />
        <Decisions incident={incident} path={path} />
      </div>
      <p className="quiet">
        Found <Ago at={incident.detected_at} /> on {incident.model_version}; its window is the{' '}
        {hours.toLocaleString(undefined, { maximumFractionDigits: 1 })} h before
        {incident.collecting_until === null ? ', and what came since' : ''}. {reason}
      </p>
      <p className="far">
        <progress value={counted} max={wanted ?? Math.max(1, counted)} aria-label="Corrected rows" />
        <span>
          <b>{progress}</b> · {rows.toLocaleString()} rows tagged ·{' '}
          <a href={reviewPlace(model, { incident: id })}>review them</a>
        </span>
      </p>
    </>
  );
}

function Decisions({ incident, path }: { incident: IncidentView; path: string }) {
  const { may } = usePerson();
  const { model, state, counted, wanted, workflow_url: workflow } = incident;
  const open = state !== 'resolved' && state !== 'closed';
  return (
    <div className="actions">
      {open && may('operate') && (
        <>
          <Decide
            name="Retrain now"
            primary
            says={
              state === 'retraining'
                ? 'A retrain is under way already: this will be ignored, and the timeline says so in its workflow.'
                : `A retrain of ${model} begins with the ${counted} corrected rows there are, instead of waiting for ${wanted ?? 'more'}. Its gates decide as ever; the incident stays open and takes corrections.`
            }
            path={`${path}/retrain`}
          />
          <Decide
            name="Close incident"
            says={`The incident ends for good without curing it: no retrain is asked for, and no further rows are kept for it. Tagged rows and the ${counted} corrections stay, and join the next retrain. If ${model} still drifts, the monitors open another one.`}
            path={`${path}/close`}
          />
        </>
      )}
      {workflow !== null && (
        <a href={workflow} target="_blank" rel="noreferrer">
          Workflow in Temporal ↗
        </a>
      )}
    </div>
  );
}
