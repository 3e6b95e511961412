import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface LogState {
  queued: number;
  /** Rows lost since the start, by reason. */
  dropped: Readonly<Record<string, number>>;
}

export interface GatewayMetrics {
  observe(model: string, status: number, seconds: number): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}

/** Seconds: an embedded classifier answers in the first buckets, an LLM in the last. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The gateway's metrics, in a registry of their own. The state of the log is read when they are scraped. */
export function createGatewayMetrics(readLog: () => LogState, listMissing: () => readonly string[]): GatewayMetrics {
  const registry = new Registry();
  const requests = new Counter({
    name: 'relearn_requests_total',
    help: 'Chat requests by model and HTTP status; model "unknown" when the request named none that is configured.',
    labelNames: ['model', 'status'],
    registers: [registry],
  });
  const latency = new Histogram({
    name: 'relearn_request_seconds',
    help: 'Time from the request to its answer, by model.',
    labelNames: ['model'],
    buckets,
    registers: [registry],
  });
  new Gauge({
    name: 'relearn_log_queued_rows',
    help: 'Rows that wait to be written.',
    registers: [registry],
    collect() {
      this.set(readLog().queued);
    },
  });
  new Counter({
    name: 'relearn_log_dropped_rows_total',
    help: 'Rows that were lost, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, rows] of Object.entries(readLog().dropped)) this.inc({ reason }, rows);
    },
  });
  new Gauge({
    name: 'relearn_models_missing',
    help: 'Configured models without a loaded champion.',
    registers: [registry],
    collect() {
      this.set(listMissing().length);
    },
  });
  return {
    observe(model, status, seconds) {
      requests.inc({ model, status });
      latency.observe({ model }, seconds);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
