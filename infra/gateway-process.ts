import { buildGateway } from '../src/http/gateway.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { openAnswering } from './answering.ts';
import { listen } from './listen.ts';
import type { Logger } from './logger.ts';
import type { Runtime } from './runtime.ts';
import { openServerKeys } from './server-keys.ts';

export interface RunningServer {
  url: string;
  stop(): Promise<void>;
}

/** Of the 18 s that an ending process has, the log may need ten. */
const answersMs = 7000;

/**
 * Serves the champions. `stop` takes no new request, answers those under way, then stores what the log still holds. Answers
 * that take longer than seven seconds more are broken off, and logged as far as they came.
 * Throws `keys_required` where others can reach it and there is no key.
 */
export async function startGateway(runtime: Runtime, logger: Logger, port?: number): Promise<RunningServer> {
  const { config, db, environment } = runtime;
  const hashKey = await runtime.hashKey();
  const { secret, databaseUrl } = environment;
  const keys = await openServerKeys('gateway', { config, db, logger });
  const answering = await openAnswering({
    ...{ config, db, databaseUrl, hashKey, secret, logger, load: loadOnnxModel },
    keepsFallback: true,
  });
  const app = buildGateway({ config, db, hashKey, logger, keys, ...answering });
  const stop = async () => {
    const breakingOff = setTimeout(() => app.server.closeAllConnections(), answersMs);
    await app.close();
    clearTimeout(breakingOff);
    await answering.close();
    await keys?.close();
  };
  try {
    const { host, port: configured } = config.gateway;
    const at = { host, port: port ?? configured, what: 'the gateway', setting: 'gateway.port in relearn.yaml' };
    return { url: await listen(app, at), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
