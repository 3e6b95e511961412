import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { Actor } from '../audit.ts';
import type { Config, ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { CertificateKeys } from '../gate/certificate-keys.ts';
import type { PayloadAccess } from './codec-routes.ts';
import type { Decision, RetrainTrigger } from '../temporal.ts';
import type { Keys } from './keys-follow.ts';

/** What the review API tells Temporal. Each throws when Temporal does not answer. */
export interface ReviewSignals {
  /** Signal `correctionsRecorded` on the incident's driftResponse. */
  correctionsRecorded(model: string, incident: string, ids: readonly string[]): Promise<void>;
  /** Starts driftResponse; started before, nothing happens. */
  startDriftResponse(model: string, incident: string): Promise<void>;
  /** A person closes the incident, or wants the retrain before enough rows are corrected. */
  decide(model: string, incident: string, signal: 'closeReview' | 'retrainNow', decision: Decision): Promise<void>;
  triggerRetrain(model: string, trigger: RetrainTrigger): Promise<void>;
  /** Where a retrain run stands. */
  runState(model: string, run: number): Promise<{ phase: string; candidate: string | null }>;
  /** A person lets a candidate serve, or not. Throws `run_not_waiting` when nobody is asked. */
  decideRun(model: string, run: number, decision: 'approve' | 'reject', said: Decision): Promise<void>;
  /** The version that served before the champion serves again. */
  rollBack(model: string, decision: Decision): Promise<void>;
  /** A registered version becomes champion, by a rollout where one is configured. Throws `promotion_conflict`. */
  promote(model: string, version: string, decision: Decision): Promise<void>;
  /** Hashes the user's name and starts the erasure; answers the hash. */
  eraseUser(userId: string, by: string): Promise<string>;
}

export interface ReviewOptions {
  config: Config;
  db: Database;
  signal: ReviewSignals;
  logger: FastifyBaseLogger;
  /** Left out: requests need no key. */
  keys?: Keys | undefined;
  /** How long a page waits for what came into the queue since the last one was asked for. */
  queuePatienceMs?: number | undefined;
  /** What certificates are checked with. Left out: it is told that they were not. */
  certificateKeys?: Pick<CertificateKeys, 'check'> | undefined;
  /** The Temporal UI, where its address is known. */
  temporalUi?: { url: string; namespace: string } | undefined;
  /** Secrets that the configuration names. Left out: no webhook is taken. */
  secret?: ((name: string) => string | undefined) | undefined;
  /** What Temporal's payloads are decrypted with, and for whose pages. Left out: none are, for none. */
  payloads?: PayloadAccess | undefined;
}

/** Who acts by a request: the name it gives, and the key it came with. */
export function actorOf(request: FastifyRequest, operator: string): Actor {
  return { name: operator, key: request.keyName };
}

/** Throws `model_not_found`, naming the models there are. */
export function findModel(config: Config, model: string): ModelConfig {
  const found = Object.hasOwn(config.models, model) ? config.models[model] : undefined;
  if (found !== undefined) return found;
  throw new RelearnError('model_not_found', `No such model. Configured: ${Object.keys(config.models).join(', ')}.`);
}
