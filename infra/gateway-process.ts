import { buildGateway } from '../src/http/gateway.ts';
import { redactText } from '../src/log/redact/index.ts';
import { openLogWriter } from '../src/log/writer.ts';
import { openArtifactDirectory } from '../src/promote/artifacts.ts';
import { createAnswerer } from '../src/serve/answer.ts';
import { followChampions } from '../src/serve/champions.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { openVersions } from '../src/serve/versions.ts';
import { listen } from './listen.ts';
import type { Logger } from './logger.ts';
import type { Runtime } from './runtime.ts';
import { statePaths } from './state-paths.ts';

export interface RunningServer {
  url: string;
  stop(): Promise<void>;
}

/** Serves the champions. `stop` takes no new request, answers those under way, then stores what the log still holds. */
export async function startGateway(runtime: Runtime, logger: Logger, port?: number): Promise<RunningServer> {
  const { config, db, environment } = runtime;
  const hashKey = await runtime.hashKey();
  const artifacts = openArtifactDirectory(statePaths(config).artifacts);
  const writer = openLogWriter({ ...config.log, db, logger });
  const loading = { artifacts, models: config.models, load: loadOnnxModel, secret: environment.secret, db, logger };
  const champions = followChampions(loading);
  const versions = openVersions(loading);
  const answerer = createAnswerer({ champions, versions, config, writer, redact: redactText, hashKey });
  const app = buildGateway({ config, answerer, champions, db, writer, hashKey, logger });
  const stop = async () => {
    await app.close();
    await Promise.all([champions.close(), versions.close()]);
    await writer.close();
  };
  try {
    await champions.refresh();
    const { host, port: configured } = config.gateway;
    const at = { host, port: port ?? configured, what: 'the gateway', setting: 'gateway.port in relearn.yaml' };
    return { url: await listen(app, at), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
