import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import { versionsResponse } from '../http/version-schemas.ts';
import { get } from './api.ts';
import { Failure, Time } from './parts.tsx';
import { placeOf } from './route.ts';
import { Decision, RollBack } from './version-actions.tsx';
import { CertificateBadge, Made, Standing, underWayMs } from './version-parts.tsx';
import './versions.css';

type Versions = z.output<typeof versionsResponse>;

/** The versions of a model: who serves, what waits for a person, and what became of the others. */
export function Versions({ model }: { model: string }) {
  const [before, setBefore] = useState<number | null>(null);
  const path = `/api/models/${encodeURIComponent(model)}/versions${before === null ? '' : `?before=${before}`}`;
  const asked = useQuery({
    queryKey: ['live', 'versions', model, before],
    queryFn: () => get(path, versionsResponse),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.versions.some((version) => version.state === 'under_way') === true ? underWayMs : false,
    gcTime: 0, // who comes back to decide sees what is, not what was
  });
  if (asked.isError) return <Failure error={asked.error} />;
  if (asked.data === undefined) return <p className="quiet">Loading…</p>;
  const { data } = asked;
  return (
    <>
      <h1>Versions of {model}</h1>
      <Serving data={data} />
      {data.waiting !== null && <Decision data={data} waiting={data.waiting} judgement={data.waiting.judgement} />}
      {data.versions.length === 0 ? <NoVersion data={data} /> : <Table data={data} />}
      <div className="actions">
        {before !== null && (
          <button type="button" onClick={() => setBefore(null)}>
            Newest
          </button>
        )}
        {data.next !== null && (
          <button type="button" onClick={() => setBefore(data.next)}>
            Older
          </button>
        )}
      </div>
    </>
  );
}

function Serving({ data }: { data: Versions }) {
  const { model, champion, rollback } = data;
  if (champion === null) return null;
  const canary = data.versions.find(({ state }) => state === 'canary');
  return (
    <section className="now-serving" aria-label="Serving now">
      <p>
        <a href={placeOf('versions', model, champion)}>{champion}</a> answers{' '}
        {canary === undefined ? 'every request' : `${Math.round(100 - (canary.share ?? 0) * 100)} %`}
        {canary !== undefined && (
          <>
            , <a href={placeOf('versions', model, canary.version)}>{canary.version}</a> is tried on{' '}
            {Math.round((canary.share ?? 0) * 100)} %
          </>
        )}
      </p>
      {canary !== undefined && <meter value={canary.share ?? 0} aria-label={`Share of ${canary.version}`} />}
      {rollback !== null && <RollBack model={model} rollback={rollback} canary={canary !== undefined} />}
    </section>
  );
}

function Table({ data: { model, versions } }: { data: Versions }) {
  return (
    <div className="scroll" role="region" aria-label={`Versions of ${model}`} tabIndex={0}>
      <table className="versions">
        <thead>
          <tr>
            <th>Version</th>
            <th>State</th>
            <th>Certificate</th>
            <th>Trigger</th>
            <th>Data</th>
            <th>Made</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.version}>
              <td>
                <a href={placeOf('versions', model, version.version)}>
                  <b>{version.version}</b>
                </a>
              </td>
              <td>
                <Standing version={version} />
              </td>
              <td>
                <CertificateBadge certificate={version.certificate} />
              </td>
              <td>
                <Made version={version} />
              </td>
              <td>
                {version.dataset === null ? (
                  <span className="quiet">base set</span>
                ) : (
                  <code>{version.dataset.slice(0, 12)}</code>
                )}
              </td>
              <td>
                <Time at={version.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoVersion({ data: { model, serve } }: { data: Versions }) {
  return (
    <p className="empty">
      Versions of {model} will be listed here, with what let each of them serve.{' '}
      {serve === 'upstream' ? (
        <>
          Its endpoint becomes the first by <code>relearn up</code> or <code>relearn migrate</code>.
        </>
      ) : (
        <>
          Make the first: <code>relearn train --model {model} --deploy</code>
        </>
      )}
    </p>
  );
}
