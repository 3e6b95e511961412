import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { redactText } from '../src/log/redact/index.ts';
import { openLogWriter, type LogWriter } from '../src/log/writer.ts';
import { openArtifactDirectory, type ArtifactStore } from '../src/promote/artifacts.ts';
import { createAnswerer, type Answerer } from '../src/serve/answer.ts';
import { followChampions, type Champions } from '../src/serve/champions.ts';
import type { ServedModel } from '../src/serve/model.ts';
import { openVersions } from '../src/serve/versions.ts';
import type { Logger } from './logger.ts';
import { statePaths } from './state-paths.ts';

export interface AnsweringSetup {
  config: Config;
  db: Database;
  /** What user ids are hashed with. */
  hashKey: string;
  secret: (name: string) => string | undefined;
  logger: Logger;
  /** In this process, or in a thread of its own. */
  load: (path: string, version: string) => Promise<ServedModel>;
}

export interface Answering {
  artifacts: ArtifactStore;
  answerer: Answerer;
  champions: Champions;
  writer: LogWriter;
  /** Frees the models, then stores what the log still holds. */
  close(): Promise<void>;
}

/** The request path with all it needs: champions that follow the registry, versions by name, the log behind it. */
export async function openAnswering(setup: AnsweringSetup): Promise<Answering> {
  const { config, db, hashKey, secret, logger, load } = setup;
  const artifacts = openArtifactDirectory(statePaths(config).artifacts);
  const writer = openLogWriter({ ...config.log, db, logger });
  const loading = { artifacts, models: config.models, load, secret, db, logger };
  const champions = followChampions(loading);
  const versions = openVersions(loading);
  const answerer = createAnswerer({ champions, versions, config, writer, redact: redactText, hashKey });
  await champions.refresh();
  return {
    artifacts,
    answerer,
    champions,
    writer,
    async close() {
      await Promise.all([champions.close(), versions.close()]);
      await answerer.settle();
      await writer.close();
    },
  };
}
