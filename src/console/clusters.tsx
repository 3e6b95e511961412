import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { z } from 'zod';
import { clustersResponse } from '../http/cluster-schemas.ts';
import { get } from './api.ts';
import { logPlace } from './log-address.ts';
import { TagRows } from './log-tag.tsx';
import { Badge, Failure, Redacted, Time } from './parts.tsx';
import { reviewPlace } from './route.ts';
import { usePerson } from './session.ts';
import './clusters.css';

const Sizes = lazy(() => import('./cluster-sizes.tsx'));

type Answer = z.output<typeof clustersResponse>;
export type Cluster = Answer['clusters'][number];

const states: Readonly<Record<Cluster['state'], string>> = {
  new: 'not there at the look before',
  growing: 'a tenth more rows than at the look before, or back again',
  stable: 'about as many rows as at the look before',
  resolved: 'no such group any more',
};

/** Groups of alike rows among those that probably failed. */
export default function Clusters({ model }: { model: string }) {
  const path = `/api/clusters?${new URLSearchParams({ model }).toString()}`;
  const asked = useQuery({ queryKey: ['live', 'clusters', model], queryFn: () => get(path, clustersResponse) });
  if (asked.isError) return <Failure error={asked.error} />;
  if (asked.data === undefined) return <p className="quiet">Loading…</p>;
  const { clusters, watch } = asked.data;
  const lasting = clusters.filter(({ state }) => state !== 'resolved');
  const resolved = clusters.filter(({ state }) => state === 'resolved');
  return (
    <>
      <h1>Clusters of {model}</h1>
      <Watch watch={watch[0]} isEmpty={lasting.length === 0} />
      {lasting.map((cluster) => (
        <ClusterPanel key={cluster.tag} cluster={cluster} />
      ))}
      {resolved.length > 0 && (
        <details>
          <summary>{resolved.length.toLocaleString()} resolved</summary>
          <ul>
            {resolved.map(({ tag, name, looked_at }) => (
              <li key={tag}>
                {name} <span className="quiet">gone since</span> <Time at={looked_at} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Watch({ watch, isEmpty }: { watch: Answer['watch'][number] | undefined; isEmpty: boolean }) {
  if (watch === undefined) return null;
  const says =
    `Every ${span(watch.every_seconds)}, clusterWatch groups what probably failed in the last ${watch.window_days} days: ` +
    'rows of low confidence, flagged, or tagged by a person or a user.';
  if (!isEmpty) {
    return (
      <p className="quiet">
        {says} At {watch.review_at} rows a cluster is tagged and comes first in the review queue.
      </p>
    );
  }
  return (
    <div className="empty">
      <p>No cluster now.</p>
      <p>
        {says} {watch.min_rows} rows that are alike make a cluster, and it shows here.
      </p>
    </div>
  );
}

function ClusterPanel({ cluster }: { cluster: Cluster }) {
  const { may } = usePerson();
  const { model, tag, name, terms, state, rows, sizes, examples, wanted } = cluster;
  return (
    <section className="panel cluster" aria-label={name}>
      <div className="cluster-head">
        <div>
          <div className="line">
            <h2>{name}</h2>
            <span title={states[state]}>
              <Badge state={state} />
            </span>
            {cluster.under_review && <Badge state="under review" />}
          </div>
          {terms.length > 3 && <p className="quiet terms">{terms.slice(3).join(' · ')}</p>}
          <p className="quiet">
            <b className="size">{rows.toLocaleString()}</b> rows, {states[state]}. Found{' '}
            <Time at={cluster.first_seen_at} />.
          </p>
        </div>
        <Suspense fallback={<div className="sizes" />}>
          <Sizes name={name} sizes={sizes} />
        </Suspense>
      </div>
      {cluster.under_review && wanted !== null && (
        <p className="progress">
          <progress value={cluster.corrected} max={wanted} aria-label={`Corrected rows of ${name}`} />
          {cluster.corrected} of {wanted} corrected rows until a retrain
        </p>
      )}
      <ul className="examples">
        {examples.map((row) => (
          <li key={row.request_id}>
            <a href={logPlace(model, { cluster: tag }, row.request_id)} className="cut">
              <Redacted text={row.prompt} />
            </a>
            <span className="quiet cut">
              → <Redacted text={row.response} />
            </span>
          </li>
        ))}
      </ul>
      <div className="actions">
        {may('review') && (
          <a className="button primary" href={reviewPlace(model, { cluster: tag })}>
            Review these
          </a>
        )}
        {may('review') && <TagRows model={model} filters={{ cluster: tag }} />}
        <a className="button" href={logPlace(model, { cluster: tag })}>
          In the log
        </a>
      </div>
    </section>
  );
}

function span(seconds: number): string {
  if (seconds < 60) return `${seconds} seconds`;
  const [count, unit] = seconds % 3600 === 0 ? [seconds / 3600, 'hour'] : [Math.round(seconds / 60), 'minute'];
  return count === 1 ? unit : `${count} ${unit}s`;
}
