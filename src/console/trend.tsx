import { lazy, Suspense } from 'react';
import type { Model } from './overview.tsx';

const Chart = lazy(() => import('./trend-chart.tsx'));

/** A day of traffic, the shares that monitors watch, and the marks of versions and incidents, on one time axis. */
export function Trend({ model }: { model: Model }) {
  const { trend, marks } = model;
  const requests = trend.reduce((sum, part) => sum + part.requests, 0);
  const probes = trend.filter(({ gold }) => gold !== null);
  if (requests + probes.length === 0) {
    return (
      <p className="empty">
        A day of traffic, complaints and gold probes appears here with the first request. Set{' '}
        <code>OPENAI_BASE_URL</code> of an app to the gateway, as <code>relearn up</code> prints it.
      </p>
    );
  }
  const rate = probes.at(-1)?.gold;
  const summary = [
    `The last day of ${model.model}: ${requests.toLocaleString()} requests`,
    ...(rate == null ? [] : [`gold pass rate ${percent(rate)}`]),
    ...marks.map(({ kind, name }) => `${kind} ${name}`),
  ].join(', ');
  return (
    <figure className="trend">
      <figcaption className="hidden">{summary}.</figcaption>
      <Suspense fallback={<p className="quiet">Drawing…</p>}>
        <Chart trend={trend} marks={marks} />
      </Suspense>
    </figure>
  );
}

const percentFormat = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });

export function percent(share: number): string {
  return percentFormat.format(share);
}
