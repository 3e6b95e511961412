import Table from 'cli-table3';
import type { Command } from 'commander';
import { listChampions } from '../../src/promote/registry.ts';
import { listFound } from '../../src/watch/clusters/found.ts';
import { listIncidents } from '../../src/watch/incidents.ts';
import { listMonitorStatus, type MonitorStatus } from '../../src/watch/verdicts.ts';
import { errorMessage } from '../../src/errors.ts';
import { listRunning } from '../../src/retrain/runs.ts';
import { openRuntime } from '../runtime.ts';
import type { Runtime } from '../runtime.ts';
import { decidedBy, listWaitingRuns, type WaitingRun } from '../waiting-runs.ts';
import { withClient } from './workflows.ts';

interface ModelStatus {
  model: string;
  champion: string | null;
  since: string | null;
  incident: string | null;
  incidentState: string | null;
  /** The retrain run that waits for a person, and what decides it. */
  waiting: { run: number; candidate: string | null; approve: string; reject: string } | null;
  /** The latest verdict of each monitor on the champion. */
  monitors: MonitorStatus[];
  /** Groups of rows that fail alike, the largest first; resolved ones are left out. */
  clusters: { tag: string; name: string; state: string; rows: number }[];
}

interface Status {
  up: boolean;
  urls: Record<string, string | undefined>;
  answers: Record<string, boolean>;
  models: ModelStatus[];
}

/** `relearn status`: what runs, what serves, what is wrong. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show what runs, which version of each model serves, and open incidents')
    .option('--json', 'report as JSON')
    .action(async (_: unknown, command: Command) => {
      const { config, json } = command.optsWithGlobals<{ config?: string; json?: boolean }>();
      const runtime = await openRuntime({ config });
      try {
        const status = await readStatus(runtime);
        console.log(json === true ? JSON.stringify(status) : describe(status));
      } finally {
        await runtime.close();
      }
    });
}

async function readStatus(runtime: Runtime): Promise<Status> {
  const { config, db, stack } = runtime;
  const models = Object.keys(config.models);
  const [champions, incidents, monitors, found, waiting] = await Promise.all([
    listChampions(db, models),
    listIncidents(db, { open: true }),
    listMonitorStatus(db, models),
    listFound(db, models),
    findWaiting(runtime, models),
  ]);
  const { gateway, console, temporal, temporalUi } = stack?.urls ?? {};
  const answers = await Promise.all(
    (['gateway', 'console'] as const).map(async (name) => {
      const { host, port } = config[name];
      return [name, await isUp(`${stack?.urls[name] ?? `http://${host}:${port}`}/healthz`)] as const;
    }),
  );
  return {
    up: stack !== undefined,
    // Not the database's: it holds the password.
    urls: { gateway, console, temporal, temporalUi },
    answers: Object.fromEntries(answers),
    models: models.map((model) => {
      const champion = champions.find((found) => found.model === model);
      const incident = incidents.find((found) => found.model === model);
      const waits = waiting.find((found) => found.model === model);
      return {
        model,
        champion: champion?.version ?? null,
        since: champion?.since.toISOString() ?? null,
        incident: incident?.id ?? null,
        incidentState: incident?.state ?? null,
        waiting: waits === undefined ? null : { run: waits.run, candidate: waits.candidate, ...decidedBy(waits) },
        monitors: monitors.filter((monitor) => monitor.model === model),
        clusters: found
          .filter((cluster) => cluster.model === model && cluster.state !== 'resolved')
          .map(({ key, name, state, rows }) => ({ tag: key, name, state, rows })),
      };
    }),
  };
}

/** Temporal is asked only while a run is under way; where it is away, that is said. */
async function findWaiting(runtime: Runtime, models: readonly string[]): Promise<WaitingRun[]> {
  const running = await listRunning(runtime.db, models);
  if (running.length === 0) return [];
  try {
    return await withClient(runtime, (client) => listWaitingRuns(client, runtime.db, models));
  } catch (error) {
    console.error(`warning: whether a retrain run waits for a person cannot be told: ${errorMessage(error)}`);
    return [];
  }
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function describe({ urls, answers, models }: Status): string {
  const servers = Object.entries(answers).map(([name, up]) => `${name}: ${up ? 'answers' : 'does not answer'}`);
  const table = new Table({
    head: ['model', 'champion', 'since', 'incident', 'failing alike'],
    style: { head: [], border: [] },
  });
  for (const { model, champion, since, incident, incidentState, clusters } of models) {
    const open = incident === null ? 'none' : `${incident} (${incidentState ?? 'open'})`;
    table.push([model, champion ?? 'none yet', since ?? '', open, describeClusters(clusters)]);
  }
  const addresses = Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [] : [`${name}: ${url}`]));
  return [
    ...addresses,
    ...servers,
    table.toString(),
    ...models.flatMap(describeWaiting),
    ...models.flatMap(describeMonitors),
  ].join('\n');
}

function describeWaiting({ model, waiting }: ModelStatus): string[] {
  if (waiting === null) return [];
  const { run, candidate, approve, reject } = waiting;
  const says = `${model}: run ${run} waits for a person to decide about ${candidate ?? 'its candidate'}:`;
  return [says, `  ${approve}`, `  ${reject}`];
}

/** One line a monitor; drift seen by one that only warns is a warning. */
function describeMonitors({ model, monitors }: ModelStatus): string[] {
  return monitors.map(({ monitor, state, action, reason }) => {
    const word = state === 'drift' && action === 'warn' ? 'WARNING' : state;
    return `${model} ${monitor}: ${word}. ${reason}`;
  });
}

function describeClusters(clusters: ModelStatus['clusters']): string {
  if (clusters.length === 0) return 'none';
  const lines = clusters.slice(0, 3).map(({ name, state, rows }) => `${name} (${state}, ${rows} rows)`);
  return [...lines, ...(clusters.length > 3 ? [`and ${clusters.length - 3} more`] : [])].join('\n');
}
