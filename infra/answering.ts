import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import { requireCertificate } from '../src/gate/stored-certificates.ts';
import { createRedactor, describeOtherRedactor } from '../src/log/redact/index.ts';
import { openLogWriter } from '../src/log/writer.ts';
import type { ArtifactStore } from '../src/promote/artifacts.ts';
import { createAnswerer, type Answerer } from '../src/serve/answer.ts';
import { followChampions, type Champions } from '../src/serve/champions.ts';
import { createAnswerLog, type AnswerLog } from '../src/serve/log-answer.ts';
import { openLogThread } from '../src/serve/log-thread.ts';
import type { ServedModel } from '../src/serve/model.ts';
import { openVersions } from '../src/serve/versions.ts';
import { openArtifacts } from './artifacts.ts';
import { readCertificateKeys } from './certificate-keys.ts';
import type { Logger } from './logger.ts';
import { statePaths } from './state-paths.ts';

/** Postgres is away when it says nothing for so long: a load that waited for it would hold up a rollback. */
const certificateMs = 5000;

export interface AnsweringSetup {
  config: Config;
  db: Database;
  /** What user ids are hashed with. */
  hashKey: string;
  secret: (name: string) => string | undefined;
  logger: Logger;
  /** In this process, or in a thread of its own. */
  load: (path: string, version: string) => Promise<ServedModel>;
  /** Of `db`: the log is written by a thread of its own, so that no request waits behind it. Left out: by this one. */
  databaseUrl?: string;
  /** The versions that rollbacks would return to stay loaded. */
  keepsFallback?: boolean;
  /** Of `followChampions`. */
  answerMs?: number;
}

export interface Answering {
  artifacts: ArtifactStore;
  answerer: Answerer;
  champions: Champions;
  log: AnswerLog;
  /** Frees the models, then stores what the log still holds. */
  close(): Promise<void>;
}

/** The request path with all it needs: champions that follow the registry, versions by name, the log behind it. */
export async function openAnswering(setup: AnsweringSetup): Promise<Answering> {
  const { config, db, secret, logger, load } = setup;
  const artifacts = openArtifacts(config, secret);
  const log = openLog(setup);
  const redactor = createRedactor(config.log.redaction);
  const loading = { artifacts, models: config.models, load: loadAndCompare, secret, db, logger };
  /** An embedded model of another redactor serves as well as it can: what is in production does not stop for a setting. */
  async function loadAndCompare(path: string, version: string): Promise<ServedModel> {
    const served = await load(path, version);
    const { redactorVersion } = served;
    const problem = redactorVersion === undefined ? null : describeOtherRedactor(redactorVersion, redactor);
    if (problem !== null) logger.warn({ version, problem }, 'the model learned with another redactor');
    return served;
  }

  const keys = await readCertificateKeys(config, secret);
  const champions = followChampions({
    ...loading,
    ...{ keepsFallback: setup.keepsFallback ?? false, answerMs: setup.answerMs },
    requireCertificate: (version) => requireCertificate(db.within(certificateMs), keys, version),
  });
  const versions = openVersions(loading);
  const answerer = createAnswerer({ champions, versions, config, log, redactor });
  await champions.refresh();
  return {
    artifacts,
    answerer,
    champions,
    log,
    async close() {
      await Promise.all([champions.close(), versions.close()]);
      await log.close();
    },
  };
}

function openLog({ config, db, hashKey, databaseUrl, logger }: AnsweringSetup): AnswerLog {
  const spoolDirectory = statePaths(config).spool;
  if (databaseUrl !== undefined) {
    return openLogThread({ log: config.log, databaseUrl, hashKey, spoolDirectory, logger });
  }
  const writer = openLogWriter({ ...config.log, spoolDirectory, db, logger });
  return createAnswerLog({
    ...{ writer, hashKey, durable: config.log.durable },
    redactor: createRedactor(config.log.redaction),
  });
}
