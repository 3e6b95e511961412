import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { registerDriftMetrics, type DriftStatus } from './drift-metrics.ts';
import type { LogTally } from '../log/log-tally.ts';

/** What is read when the metrics are scraped. */
export interface MetricsSources {
  /** Counts of the log writer: `queued`, `written`, `dropped` by reason, and any other number it knows. */
  log: () => object;
  tally: () => LogTally;
  /** Configured models without a loaded champion. */
  missing: () => readonly string[];
  inFlight: () => number;
  drift: () => Promise<DriftStatus | null>;
}

export interface ObservedRequest {
  model: string;
  route: string;
  status: number;
  ms: number;
  /** Time beside the model's or the upstream's own; undefined when there was no answer. */
  addedMs: number | undefined;
}

export interface GatewayMetrics {
  observe(request: ObservedRequest): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}

/** Seconds: an embedded classifier answers in the first buckets, an LLM in the last. */
const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const overheadBuckets = [0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

/**
 * The gateway's metrics, in a registry of their own. Labels are configured models, routes, statuses and words of this
 * project, never anything a client sent: their number is bounded.
 */
export function createGatewayMetrics(sources: MetricsSources): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'relearn_requests_total',
    help: 'Requests by model, route and HTTP status (499: the client had gone); model "unknown" when none was named.',
    labelNames: ['model', 'route', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'relearn_request_seconds',
    help: 'Time from the request to the end of its answer.',
    labelNames: ['model', 'route'],
    buckets: requestBuckets,
    registers,
  });
  const overhead = new Histogram({
    name: 'relearn_overhead_seconds',
    help: "Time of answered requests beside the model's or the upstream's own.",
    labelNames: ['model'],
    buckets: overheadBuckets,
    registers,
  });

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read());
      },
    });
  }
  function counters(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    new Counter({
      ...{ name, help, labelNames: [label], registers },
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
      },
    });
  }

  registerDriftMetrics(registry, sources.drift);
  gauge('relearn_requests_in_flight', 'Requests under way.', sources.inFlight);
  gauge('relearn_models_missing', 'Configured models without a loaded champion.', () => sources.missing().length);
  gauge('relearn_log_queued_rows', 'Rows that wait to be written.', () => flatten(sources.log())['queued'] ?? 0);
  counters('relearn_log_dropped_rows_total', 'Rows that were lost, by reason.', 'reason', () =>
    startingWith('dropped_', flatten(sources.log())),
  );
  counters('relearn_redactions_total', 'Replaced pieces of text, by type.', 'type', () => sources.tally().redactions);
  counters('relearn_sampled_rows_total', 'Answered requests, by why their row was kept.', 'reason', () => {
    return sources.tally().sampled;
  });
  new Gauge({
    name: 'relearn_log',
    help: 'Every count of the log writer, by name.',
    labelNames: ['count'],
    registers,
    collect() {
      this.reset();
      for (const [count, value] of Object.entries(flatten(sources.log()))) this.set({ count }, value);
    },
  });

  return {
    observe({ model, route, status, ms, addedMs }) {
      requests.inc({ model, route, status });
      duration.observe({ model, route }, ms / 1000);
      if (addedMs !== undefined) overhead.observe({ model }, addedMs / 1000);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Numbers at any depth by their path: `{ dropped: { refused: 1 } }` is `{ dropped_refused: 1 }`. */
function flatten(counts: object, prefix = ''): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [name, value] of Object.entries(counts) as [string, unknown][]) {
    if (typeof value === 'number') flat[prefix + name] = value;
    else if (typeof value === 'object' && value !== null) Object.assign(flat, flatten(value, `${prefix}${name}_`));
  }
  return flat;
}

function startingWith(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  const found = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, count]) => [name.slice(prefix.length), count]));
}
