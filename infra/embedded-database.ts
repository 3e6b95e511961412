import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RelearnError } from '../src/errors.ts';
import { defaultConfigPath, readConfigFile } from './config-file.ts';
import { startPostgres } from './embedded/postgres.ts';
import { readEnvironment } from './environment.ts';
import { tryLock } from './lock.ts';
import { migrate } from './migrate.ts';
import { makeRuntime, openRuntime, type Runtime } from './runtime.ts';
import { readStackFile, stackLock } from './stack-file.ts';

/**
 * As `openRuntime`, and where nothing runs and the environment names no database, it starts the one of the state folder
 * until `close`: a `relearn up` that others can reach does not start before there is a key.
 */
export async function openDatabaseRuntime(options: { config?: string | undefined }): Promise<Runtime> {
  const environment = readEnvironment();
  const configPath = options.config ?? environment.configPath ?? defaultConfigPath;
  const config = await readConfigFile(configPath);
  const { stateDir } = config;
  if (environment.databaseUrl !== undefined || (await readStackFile(stateDir)) !== undefined) {
    return openRuntime(options);
  }
  await mkdir(stateDir, { recursive: true });
  const lock = await tryLock(stackLock(stateDir));
  if (!lock.held) {
    throw new RelearnError(
      'stack_failed',
      `Relearn is starting or stopping in ${stateDir} (process ${lock.owner}). Try again in a moment.`,
    );
  }
  try {
    const postgres = await startPostgres({ directory: join(stateDir, 'postgres') });
    const runtime = makeRuntime(config, configPath, { ...environment, databaseUrl: postgres.url });
    const close = async () => {
      await runtime.close();
      await postgres.process.stop();
      await lock.release();
    };
    try {
      await migrate(runtime.db);
    } catch (error) {
      await runtime.close();
      await postgres.process.stop();
      throw error;
    }
    return { ...runtime, close };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
