import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { registerDriftMetrics, type DriftStatus } from './drift-metrics.ts';
import type { LogTally } from '../log/log-tally.ts';
import { createRequestTally } from './request-tally.ts';

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

/**
 * The gateway's metrics, in a registry of their own. Labels are configured models, routes, statuses and words of this
 * project, never anything a client sent: their number is bounded.
 */
export function createGatewayMetrics(sources: MetricsSources): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const tally = createRequestTally();

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
    observe: tally.observe,
    text: async () => `${await registry.metrics()}\n${await AggregatorRegistry.aggregate([tally.read()]).metrics()}`,
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
