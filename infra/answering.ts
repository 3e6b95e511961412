import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { redactText } from '../src/log/redact/index.ts';
import { requireCertificate } from '../src/gate/stored-certificates.ts';
import { tallyLog, type LogTally } from '../src/log/log-tally.ts';
import { openLogWriter, type LogWriter } from '../src/log/writer.ts';
import { openArtifactDirectory, type ArtifactStore } from '../src/promote/artifacts.ts';
import { createAnswerer, type Answerer } from '../src/serve/answer.ts';
import { followChampions, type Champions } from '../src/serve/champions.ts';
import type { ServedModel } from '../src/serve/model.ts';
import { openVersions } from '../src/serve/versions.ts';
import { readCertificateKeys } from './certificate-keys.ts';
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
  /** What was redacted and sampled since the start. */
  tally: () => LogTally;
  /** Frees the models, then stores what the log still holds. */
  close(): Promise<void>;
}

/** The request path with all it needs: champions that follow the registry, versions by name, the log behind it. */
export async function openAnswering(setup: AnsweringSetup): Promise<Answering> {
  const { config, db, hashKey, secret, logger, load } = setup;
  const keys = await readCertificateKeys(config, secret);
  const artifacts = openArtifactDirectory(statePaths(config).artifacts);
  const opened = openLogWriter({ ...config.log, spoolDirectory: statePaths(config).spool, db, logger });
  const { redact, writer, tally } = tallyLog({ redact: redactText, writer: opened });
  const loading = { artifacts, models: config.models, load, secret, db, logger };
  const champions = followChampions({
    ...loading,
    requireCertificate: (version) => requireCertificate(db, keys, version),
  });
  const versions = openVersions(loading);
  const answerer = createAnswerer({ champions, versions, config, writer, redact, hashKey });
  await champions.refresh();
  return {
    artifacts,
    answerer,
    champions,
    writer,
    tally,
    async close() {
      await Promise.all([champions.close(), versions.close()]);
      await answerer.settle();
      await writer.close();
    },
  };
}
