import type { ObservedRequest } from './metrics.ts';

/** A metric in the form that prom-client's registries hand to one another. */
interface Tallied {
  name: string;
  help: string;
  type: 'counter' | 'histogram';
  aggregator: 'sum';
  values: { metricName: string; labels: Record<string, string | number>; value: number }[];
}

export interface RequestTally {
  observe: (request: ObservedRequest) => void;
  /** What was counted so far. */
  read(): Tallied[];
}

/** Seconds: an embedded classifier answers in the first buckets, an LLM in the last. */
const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const overheadBuckets = [0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

/**
 * Counts requests and their times. prom-client finds a series by the text of its labels and a bucket by the text of its
 * bound, three times a request, which takes longer than all else that ends one: it gets the sums when it is asked.
 */
export function createRequestTally(): RequestTally {
  /** By model and route. */
  const answered = new Map<string, Map<string, Series>>();
  /** By model. */
  const added = new Map<string, Histogram>();

  return {
    observe({ model, route, status, ms, addedMs }) {
      const routes = getOrAdd(answered, model, () => new Map<string, Series>());
      const { byStatus, seconds } = getOrAdd(routes, route, newSeries);
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      seconds.observe(ms / 1000);
      if (addedMs === undefined) return;
      getOrAdd(added, model, () => new Histogram(overheadBuckets)).observe(addedMs / 1000);
    },
    read() {
      const series = [...answered].flatMap(([model, routes]) =>
        [...routes].map(([route, counted]) => ({ labels: { model, route }, ...counted })),
      );
      const requests = series.flatMap(({ labels, byStatus }) =>
        [...byStatus].map(([status, value]) => ({
          ...{ metricName: 'relearn_requests_total', labels: { ...labels, status }, value },
        })),
      );
      return [
        {
          ...{ name: 'relearn_requests_total', type: 'counter', aggregator: 'sum', values: requests },
          help: 'Requests by model, route and HTTP status (499: the client had gone); model "unknown" when none was named.',
        },
        {
          ...{ name: 'relearn_request_seconds', type: 'histogram', aggregator: 'sum' },
          help: 'Time from the request to the end of its answer.',
          values: series.flatMap(({ labels, seconds }) => seconds.read('relearn_request_seconds', labels)),
        },
        {
          ...{ name: 'relearn_overhead_seconds', type: 'histogram', aggregator: 'sum' },
          help: "Time of answered requests beside the model's or the upstream's own.",
          values: [...added].flatMap(([model, seconds]) => seconds.read('relearn_overhead_seconds', { model })),
        },
      ];
    },
  };
}

/** The requests of one model and route. */
interface Series {
  byStatus: Map<number, number>;
  seconds: Histogram;
}

function newSeries(): Series {
  return { byStatus: new Map(), seconds: new Histogram(requestBuckets) };
}

/** Observations of one set of labels. */
class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** `bounds`: ascending. What is above the last one is counted, too. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let place = 0;
    while (place < this.#bounds.length && value > (this.#bounds[place] ?? 0)) place += 1;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#sum += value;
  }

  read(name: string, labels: Record<string, string>): Tallied['values'] {
    let count = 0;
    const buckets = this.#counts.map((more, place) => ({
      ...{ metricName: `${name}_bucket`, labels: { le: this.#bounds[place] ?? '+Inf', ...labels } },
      value: (count += more),
    }));
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
