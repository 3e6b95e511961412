import { useQuery } from '@tanstack/react-query';
import type { z } from 'zod';
import { overviewResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Badge, Failure, Time } from './parts.tsx';
import { placeOf } from './route.ts';
import { Trend } from './trend.tsx';

export type Model = z.output<typeof overviewResponse>['models'][number];

/** The loop of every model at a glance. */
export default function Overview() {
  const overview = useQuery({ queryKey: ['live', 'overview'], queryFn: () => get('/api/overview', overviewResponse) });
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

const stepPages: Readonly<Record<string, string>> = {
  watch: 'incidents',
  correct: 'review',
  retrain: 'versions',
  gate: 'versions',
  promote: 'versions',
};

function ModelPanel({ model }: { model: Model }) {
  const { champion, challenger, incident } = model;
  return (
    <section className="panel" aria-labelledby={`model-${model.model}`}>
      <div className="line">
        <h2 id={`model-${model.model}`}>{model.model}</h2>
        {champion === null ? (
          <span className="quiet">no champion yet</span>
        ) : (
          <span>
            champion <b>{champion.version}</b> since <Time at={champion.since} />
          </span>
        )}
        {challenger !== null && (
          <span>
            challenger <b>{challenger.version}</b> at {Math.round(challenger.share * 100)} %
          </span>
        )}
        {incident !== null && (
          <a href={placeOf('incidents', incident.id)}>
            incident <Badge state={incident.state} /> {incident.text} corrected
          </a>
        )}
      </div>
      <ol className="ring" aria-label={`The loop of ${model.model}`}>
        {model.steps.map(({ step, state, count, says }) => (
          <li key={step} className={state}>
            <a href={placeOf(stepPages[step] ?? 'overview', ...(step === 'watch' ? [] : [model.model]))}>
              <span className="step">{step}</span>
              <b>{count}</b>
              <span className="quiet">{says}</span>
            </a>
          </li>
        ))}
      </ol>
      <Trend model={model} />
      {model.monitors.length > 0 && (
        <ul className="monitors">
          {model.monitors.map(({ monitor, state, reason }) => (
            <li key={monitor}>
              <Badge state={state} /> <b>{monitor.replaceAll('_', ' ')}</b> <span className="quiet">{reason}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
