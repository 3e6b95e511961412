import { useQuery } from '@tanstack/react-query';
import { incidentsResponse } from '../http/incident-schemas.ts';
import { Ago } from './ago.tsx';
import { get } from './api.ts';
import { Badge, Failure } from './parts.tsx';
import { placeOf } from './route.ts';

const most = 100;

/** All incidents, open ones first. */
export function Incidents() {
  const path = `/api/incidents?limit=${most}`;
  const list = useQuery({ queryKey: ['live', 'incidents'], queryFn: () => get(path, incidentsResponse) });
  if (list.isError) return <Failure error={list.error} />;
  if (list.data === undefined) return <p className="quiet">Loading…</p>;
  const { incidents } = list.data;
  if (incidents.length === 0) {
    return (
      <>
        <h1>Incidents</h1>
        <p className="panel empty">
          No incident yet. One opens here when a monitor is sure that a model got worse, or when a detector of your own
          says so with <code>POST /api/drift-events</code>. <code>relearn drift check</code> looks now.
        </p>
      </>
    );
  }
  return (
    <>
      <h1>Incidents</h1>
      <div className="panel scroll" role="region" aria-label="Incidents" tabIndex={0}>
        <table className="wide">
          <thead>
            <tr>
              <th>Incident</th>
              <th>Model</th>
              <th>State</th>
              <th>Corrected</th>
              <th>Found</th>
              <th>Ended</th>
            </tr>
          </thead>
          <tbody>
            {incidents.map(({ id, model, model_version, monitor, state, detected_at, closed_at, counted, wanted }) => (
              <tr key={id}>
                <td>
                  <a href={placeOf('incidents', id)}>{monitor.replaceAll('_', ' ')}</a>
                </td>
                <td>
                  {model} <span className="quiet">{model_version}</span>
                </td>
                <td>
                  <Badge state={state} />
                </td>
                <td className="nowrap">
                  <progress
                    value={counted}
                    max={wanted ?? Math.max(1, counted)}
                    aria-label={`Corrected rows of ${id}`}
                  />{' '}
                  {counted} of {wanted ?? 'unknown'}
                </td>
                <td className="nowrap">
                  <Ago at={detected_at} />
                </td>
                <td className="nowrap quiet">{closed_at === null ? 'open' : <Ago at={closed_at} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {incidents.length === most && <p className="quiet">The latest {most} are shown.</p>}
    </>
  );
}
