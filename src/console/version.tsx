import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { z } from 'zod';
import { versionResponse } from '../http/version-schemas.ts';
import { get } from './api.ts';
import { CertificateText } from './certificate.tsx';
import { Lineage } from './lineage.tsx';
import { logPlace } from './log-address.ts';
import { Failure, Time } from './parts.tsx';
import { placeOf } from './route.ts';
import { SliceTable } from './slice-table.tsx';
import { Decision, Promote, RollBack } from './version-actions.tsx';
import { Made, Standing, underWayMs } from './version-parts.tsx';
import './versions.css';

const SlicePlot = lazy(() => import('./slice-plot.tsx'));

type Version = z.output<typeof versionResponse>;

/** One version: what let it serve or kept it from that, how it does beside the champion, and where it comes from. */
export function VersionPage({ model, version }: { model: string; version: string }) {
  const path = `/api/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`;
  const asked = useQuery({
    queryKey: ['live', 'version', model, version],
    queryFn: () => get(path, versionResponse),
    refetchInterval: ({ state }) => (state.data?.state === 'under_way' ? underWayMs : false),
    gcTime: 0, // who comes back to decide sees what is, not what was
  });
  if (asked.isError) return <Failure error={asked.error} />;
  if (asked.data === undefined) return <p className="quiet">Loading…</p>;
  const { data } = asked;
  return (
    <>
      <p className="crumb">
        <a href={placeOf('versions', model)}>Versions of {model}</a>
      </p>
      <Head version={data} />
      {data.state === 'waiting' && data.run !== null && (
        <Decision data={{ ...data, champion: data.serving }} waiting={{ run: data.run, version }} here />
      )}
      <div className="columns">
        <section className="panel" aria-label="Certificate">
          <h2>Certificate</h2>
          <CertificateText version={data} />
        </section>
        <section className="panel" aria-label="Comparison">
          <Comparison version={data} />
        </section>
      </div>
      <Lineage version={data} />
      <History events={data.history} model={model} />
    </>
  );
}

function Head({ version: shown }: { version: Version }) {
  const { model, version, rollback } = shown;
  return (
    <>
      <h1 className="line">
        {model} {version} <Standing version={shown} />
      </h1>
      <p className="quiet">
        Made <Time at={shown.created_at} />
        {shown.run === null ? '' : ` by run ${shown.run}: `}
        <Made version={shown} />
        {shown.parent !== null && (
          <>
            , to replace <a href={placeOf('versions', model, shown.parent)}>{shown.parent}</a>
          </>
        )}
        . <a href={logPlace(model, { version })}>What it answered</a>
      </p>
      {shown.tainted_at !== null && shown.share !== null && (
        <p className="warning">
          It learned from rows that were erased since (<Time at={shown.tainted_at} />
          ). Retrain, so that a version without them takes its place.
        </p>
      )}
      <div className="actions">
        <Promote version={shown} />
        {rollback?.from === version && <RollBack model={model} rollback={rollback} canary={shown.state === 'canary'} />}
      </div>
    </>
  );
}

function Comparison({ version: { version, comparison } }: { version: Version }) {
  if (comparison === null) {
    return (
      <>
        <h2>Beside the champion</h2>
        <p className="quiet">
          A version that a retrain made is shown here beside the one it was to replace, slice by slice. This one was not
          compared.
        </p>
      </>
    );
  }
  return (
    <>
      <h2>
        {version} beside {comparison.champion}
      </h2>
      <Suspense fallback={<p className="quiet">Drawing…</p>}>
        <SlicePlot slices={comparison.slices} />
      </Suspense>
      <SliceTable version={version} comparison={comparison} />
    </>
  );
}

const did: Readonly<Record<Version['history'][number]['action'], string>> = {
  deploy: 'deployed',
  promote: 'made champion',
  rollback: 'serves again, by a rollback',
  taken_back: 'taken from the traffic',
  canary: 'began to answer a share',
};

function History({ events, model }: { events: Version['history']; model: string }) {
  if (events.length === 0) return null;
  return (
    <section className="panel" aria-label="History">
      <h2>History</h2>
      <ul className="history">
        {events.map(({ at, action, actor, reason, other }) => (
          <li key={`${at}${action}`}>
            <Time at={at} /> <b>{did[action]}</b>
            {other !== null && (
              <>
                {action === 'taken_back' ? ', gave way to ' : ', in place of '}
                <a href={placeOf('versions', model, other)}>{other}</a>
              </>
            )}
            {actor !== null && ` by ${actor}`}
            {reason !== null && <span className="quiet">: {reason}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
