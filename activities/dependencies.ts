import type { Config } from '../src/config.ts';
import type { Database } from '../src/database.ts';
import type { CertificateKeys } from '../src/gate/certificate-keys.ts';
import type { LogWriter } from '../src/log/writer.ts';
import type { ArtifactStore } from '../src/promote/artifacts.ts';
import type { Answerer } from '../src/serve/answer.ts';

/** The part of a pino logger that activities use. Lines carry ids and counts, never text. */
export interface ActivityLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the activities work with; made once by the worker. */
export interface ActivityDependencies {
  config: Config;
  db: Database;
  artifacts: ArtifactStore;
  answerer: Answerer;
  /** What gate certificates are signed and checked with. */
  certificateKeys: CertificateKeys;
  /** A secret that the configuration names. */
  secret: (name: string) => string | undefined;
  /** What user ids are hashed with, and healthy rows are drawn by. */
  hashKey: string;
  /** The log of what `answerer` answers. */
  writer: Pick<LogWriter, 'flush'>;
  /** Folder of all datasets, shared by the workers. */
  datasetDirectory: string;
  /** Folder for files under construction. */
  scratchDirectory: string;
  /** Where people open the console: pages of workflows link to it. */
  consoleUrl: string;
  /** What a trainer of the user's inherits. */
  environment: NodeJS.ProcessEnv;
  logger: ActivityLogger;
}
