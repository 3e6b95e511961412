import { useQuery } from '@tanstack/react-query';
import { incidentResponse, incidentsResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Badge, Decide, Failure, Time } from './parts.tsx';
import { placeOf } from './route.ts';
import { usePerson } from './session.ts';

/** All incidents, open ones first. */
export function Incidents() {
  const list = useQuery({ queryKey: ['live', 'incidents'], queryFn: () => get('/api/incidents', incidentsResponse) });
  if (list.isError) return <Failure error={list.error} />;
  return (
    <>
      <h1>Incidents</h1>
      {list.data?.incidents.length === 0 && <p className="empty">There was no incident yet.</p>}
      <div className="scroll" role="region" aria-label="Incidents" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>Found</th>
              <th>Model</th>
              <th>Monitor</th>
              <th>State</th>
              <th>Progress</th>
            </tr>
          </thead>
          <tbody>
            {list.data?.incidents.map(({ id, model, monitor, state, detected_at, progress }) => (
              <tr key={id}>
                <td>
                  <a href={placeOf('incidents', id)}>
                    <Time at={detected_at} />
                  </a>
                </td>
                <td>{model}</td>
                <td>{monitor}</td>
                <td>
                  <Badge state={state} />
                </td>
                <td>{progress}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** One incident: what was seen, how far it is, who did what, and the two decisions a person can take. */
export function Incident({ id }: { id: string }) {
  const { may } = usePerson();
  const path = `/api/incidents/${encodeURIComponent(id)}`;
  const asked = useQuery({ queryKey: ['live', 'incident', id], queryFn: () => get(path, incidentResponse) });
  if (asked.isError) return <Failure error={asked.error} />;
  const incident = asked.data;
  if (incident === undefined) return <p className="quiet">Loading…</p>;
  const open = incident.state !== 'resolved' && incident.state !== 'closed';
  const flipped = incident.gold_cases.regressions;
  return (
    <>
      <h1>
        {incident.model}: {incident.monitor} <Badge state={incident.state} />
      </h1>
      {incident.reason !== null && <p>{incident.reason}</p>}
      <p className="progress">
        <progress value={incident.counted} max={incident.wanted ?? 1} aria-label="Corrected rows" />
        <b>{incident.progress}</b> · {incident.rows.toLocaleString()} rows ·{' '}
        <a href={placeOf('review', incident.model)}>review them</a>
      </p>
      {open && may('operate') && (
        <div className="actions">
          <Decide
            name="Retrain now"
            primary
            says={`A retrain of ${incident.model} begins with the ${incident.counted} corrected rows there are. Its gates decide as ever.`}
            path={`${path}/retrain`}
          />
          <Decide
            name="Close incident"
            says="The incident ends without a retrain. Its rows keep their tags, and corrections made so far stay."
            path={`${path}/close`}
          />
        </div>
      )}
      <div className="columns">
        <section>
          <h2>Timeline</h2>
          <dl className="facts">
            <dt>Window from</dt>
            <dd>
              <Time at={incident.window_start} />
            </dd>
            <dt>Detected</dt>
            <dd>
              <Time at={incident.detected_at} /> on {incident.model_version}
            </dd>
            <dt>Rows gathered until</dt>
            <dd>{incident.collecting_until === null ? 'now' : <Time at={incident.collecting_until} />}</dd>
            <dt>Ended</dt>
            <dd>{incident.closed_at === null ? 'not yet' : <Time at={incident.closed_at} />}</dd>
            {Object.entries(incident.figures).map(([name, value]) => (
              <Figure key={name} name={name} value={value} />
            ))}
          </dl>
        </section>
        <section>
          <h2>Gold cases that flipped</h2>
          {flipped.length === 0 ? (
            <p className="quiet">None, in {incident.gold_cases.probes} probes.</p>
          ) : (
            <ul>
              {flipped.map((each) => (
                <li key={each.case}>
                  <code>{each.case}</code> fails {each.failed} of {each.asked}, before {each.baseline_failed} of{' '}
                  {each.baseline_asked}
                </li>
              ))}
            </ul>
          )}
          <h2>Record</h2>
          <ul>
            {incident.audit.map(({ at, actor, action }) => (
              <li key={`${at}${action}`}>
                <Time at={at} /> {actor}: {action.replaceAll('_', ' ')}
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

function Figure({ name, value }: { name: string; value: unknown }) {
  const shown = typeof value === 'number' ? Number(value.toFixed(4)).toLocaleString() : value;
  return (
    <>
      <dt>{name.replaceAll('_', ' ')}</dt>
      <dd>{typeof shown === 'string' ? shown : JSON.stringify(shown)}</dd>
    </>
  );
}
