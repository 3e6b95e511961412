import { setTimeout as sleep } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';
import type { Database } from '../database.ts';
import { listIncidents } from '../watch/incidents.ts';
import { listMonitorStatus, type MonitorStatus } from '../watch/verdicts.ts';

/** What the monitors said last, and which models have an open incident. */
export interface DriftStatus {
  monitors: readonly Pick<MonitorStatus, 'model' | 'monitor' | 'state' | 'action'>[];
  incidents: Readonly<Record<string, boolean>>;
}

const states = ['clean', 'drift', 'warning', 'unknown', 'down'] as const;
/** However often metrics are scraped, the database is asked this often at most. */
const freshMs = 5000;
/** A database that does not answer must not keep the other metrics waiting. */
const patienceMs = 1000;

/** Reads the status from the database; null when it does not answer in time. */
export function followDrift(db: Database, models: readonly string[]): () => Promise<DriftStatus | null> {
  let last: { at: number; status: Promise<DriftStatus | null> } | undefined;

  async function read(): Promise<DriftStatus> {
    const [monitors, open] = await Promise.all([listMonitorStatus(db, models), listIncidents(db, { open: true })]);
    return {
      monitors,
      incidents: Object.fromEntries(models.map((model) => [model, open.some((incident) => incident.model === model)])),
    };
  }

  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > freshMs) last = { at: now, status: read().catch(() => null) };
    return Promise.race([last.status, sleep(patienceMs, null, { ref: false })]);
  };
}

/** What is not known is left out: a missing series is no health. */
export function registerDriftMetrics(registry: Registry, read: () => Promise<DriftStatus | null>): void {
  const registers = [registry];
  new Gauge({
    name: 'relearn_monitor_state',
    help: 'The latest verdict of each monitor on the champion: 1 for its state, 0 for the others.',
    labelNames: ['model', 'monitor', 'state'],
    registers,
    async collect() {
      const status = await read();
      this.reset();
      for (const { model, monitor, state, action } of status?.monitors ?? []) {
        const said = state === 'drift' && action === 'warn' ? 'warning' : state;
        for (const each of states) this.set({ model, monitor, state: each }, each === said ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'relearn_incident_open',
    help: '1 while a model has an open incident.',
    labelNames: ['model'],
    registers,
    async collect() {
      const status = await read();
      this.reset();
      for (const [model, open] of Object.entries(status?.incidents ?? {})) this.set({ model }, open ? 1 : 0);
    },
  });
}
