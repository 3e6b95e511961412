import { useQuery } from '@tanstack/react-query';
import './overview.css';
import type { z } from 'zod';
import { overviewResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Badge, Failure } from './parts.tsx';
import { Ring } from './ring.tsx';
import { placeOf } from './route.ts';
import { percent, Trend } from './trend.tsx';

type Answer = z.output<typeof overviewResponse>;
export type Model = Answer['models'][number];

/** A run's phases are Temporal's: no event of the database tells of each. */
const runPollMs = 3000;
/** Nor of each request, tag and queued row: what the steps count is asked for now and then. */
const countPollMs = 10_000;

/** The loop of every model at a glance. */
export default function Overview() {
  const overview = useQuery({
    queryKey: ['live', 'overview'],
    queryFn: () => get('/api/overview', overviewResponse),
    refetchInterval: ({ state }) => (state.data?.models.some(isRunning) === true ? runPollMs : countPollMs),
  });
  if (overview.isError) return <Failure error={overview.error} />;
  if (overview.data === undefined) return <p className="quiet">Loading…</p>;
  return (
    <>
      <h1>Overview</h1>
      {overview.data.models.map((model) => (
        <ModelPanel key={model.model} model={model} />
      ))}
    </>
  );
}

function isRunning({ run }: Model): boolean {
  return run?.state === 'running';
}

function ModelPanel({ model }: { model: Model }) {
  const { incident, monitors } = model;
  return (
    <section className="panel" aria-labelledby={`model-${model.model}`}>
      <div className="line">
        <h2 id={`model-${model.model}`}>{model.model}</h2>
        {incident !== null && (
          <a href={placeOf('incidents', incident.id)}>
            incident <Badge state={incident.state} /> {incident.text} corrected
          </a>
        )}
      </div>
      <Ring model={model} />
      <h3>The last 24 hours</h3>
      <Trend model={model} />
      <h3>Monitors</h3>
      {monitors.length === 0 && (
        <p className="quiet">No verdict yet: each monitor tells what it sees at the next look of the schedule.</p>
      )}
      <ul className="monitors">
        {monitors.map((each) => (
          <Monitor key={each.monitor} {...each} />
        ))}
      </ul>
    </section>
  );
}

function Monitor({ monitor, state, reason, evidence }: Model['monitors'][number]) {
  const name = monitor.replaceAll('_', ' ');
  return (
    <li>
      <div className="line">
        <b>{name}</b> <Badge state={state} />
      </div>
      {evidence !== null && (
        <div className="line">
          <meter value={evidence} low={0.5} high={0.99} optimum={0} aria-label={`Evidence of ${name}`} />
          <span className="quiet">{percent(evidence)} of an alarm</span>
        </div>
      )}
      <span className="quiet">{reason}</span>
    </li>
  );
}
