import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { readOrMakeCertificateKeys } from '../infra/certificate-keys.ts';
import { startChild, untilItAnswers } from '../infra/child.ts';
import { deployIncumbentUpstreams } from '../infra/deploy.ts';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { childEnvironment, readEnvironment } from '../infra/environment.ts';
import { migrate } from '../infra/migrate.ts';
import { makeRuntime } from '../infra/runtime.ts';
import { configSchema } from '../src/config.ts';
import type { Peer } from './peers/node.ts';

export interface GatewayPeer extends Peer {
  /** Waits till nothing more is written; returns the rows in the log. */
  loggedRows(): Promise<number>;
  stop(): Promise<void>;
}

/** One `relearn gateway` process in front of the upstream, with a Postgres of its own that gets every row. */
export async function startGatewayPeer(directory: string, upstream: string, model: string): Promise<GatewayPeer> {
  const settings = {
    stateDir: join(directory, 'state'),
    models: {
      [model]: {
        serve: { kind: 'upstream', url: upstream, upstreamModel: 'bench-upstream' },
        sampling: { healthyRate: 1 },
      },
    },
  };
  const configPath = join(directory, 'relearn.yaml');
  await writeFile(configPath, JSON.stringify(settings)); // JSON is YAML
  const postgres = await startPostgres({ directory: join(directory, 'postgres') });
  const environment = { ...readEnvironment({}), databaseUrl: postgres.url };
  const runtime = makeRuntime(configSchema.parse(settings), configPath, environment);
  const stopBackends = async () => {
    await runtime.close();
    await postgres.process.stop();
  };
  try {
    await migrate(runtime.db);
    await readOrMakeCertificateKeys(runtime.config, runtime.environment.secret);
    await deployIncumbentUpstreams(runtime);
    const port = await getPort({ host: '127.0.0.1' });
    const child = {
      ...{ name: 'gateway', args: ['--config', configPath, '--port', `${port}`], logDirectory: directory },
      env: childEnvironment({ DATABASE_URL: postgres.url, RELEARN_HASH_KEY: 'a key for the benchmark only' }),
      onEvent: ({ message }: { message: string }) => console.error(`gateway: ${message}`),
    };
    const process = await startChild(child);
    await untilItAnswers(`http://127.0.0.1:${port}/readyz`, process, child);

    async function countRows(): Promise<number> {
      const [row] = await runtime.db.query<{ rows: number }>(`select count(*) as rows from relearn.samples`);
      return row?.rows ?? 0;
    }
    return {
      ...{ name: 'relearn', port, process },
      async loggedRows() {
        for (let before = -1, rows = await countRows(); ; before = rows, rows = await countRows()) {
          if (rows === before) return rows;
          await sleep(1000);
        }
      },
      async stop() {
        await process.stop();
        await stopBackends();
      },
    };
  } catch (error) {
    await stopBackends();
    throw error;
  }
}
