import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection, type Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import getPort from 'get-port';
import { pino, type Logger } from 'pino';
import { openAnswering } from '../infra/answering.ts';
import { readOrMakeCertificateKeys } from '../infra/certificate-keys.ts';
import { makeClient } from '../infra/data-converter.ts';
import { deployVersion, trainVersion } from '../infra/deploy.ts';
import type { Runtime } from '../infra/runtime.ts';
import { registerSearchAttributes } from '../infra/search-attributes.ts';
import { startWorker, type RunningWorker } from '../infra/worker.ts';
import { configSchema, type Config } from '../src/config.ts';
import { useRedaction } from '../src/log/redact/index.ts';
import type { PayloadKey } from '../src/payload/keys.ts';
import type { Answerer } from '../src/serve/answer.ts';
import type { Champions } from '../src/serve/champions.ts';
import type { AnswerLog } from '../src/serve/log-answer.ts';
import { loadOnnxModel } from '../src/serve/onnx.ts';
import { createTestDatabase, temporalAddress, type TestDatabase } from './stack.ts';
import { patienceMs, until } from './until.ts';

export { until } from './until.ts';

const cli = fileURLToPath(new URL('../infra/cli.js', import.meta.url));

/** The model of the small world: it sorts short texts by topic. */
export const model = 'topics';
export const hashKey = 'a key for tests only';

/** Words of each topic. `known` ones are in the base set; `new` ones come with the drift. */
const topics: Record<string, string[]> = {
  weather: ['rain', 'sunny', 'forecast', 'storm', 'umbrella', 'cloudy', 'temperature', 'snow'],
  banking: ['account', 'transfer', 'balance', 'deposit', 'loan', 'interest', 'savings', 'payment'],
  travel: ['flight', 'hotel', 'passport', 'luggage', 'booking', 'airport', 'visa', 'itinerary'],
  gardening: ['tulips', 'compost', 'watering', 'seedlings', 'pruning', 'orchard', 'mulch', 'weeds'],
  music: ['guitar', 'melody', 'concert', 'chorus', 'drummer', 'violin', 'playlist', 'vinyl'],
  cooking: ['recipe', 'oven', 'garlic', 'simmer', 'dough', 'spices', 'skillet', 'dessert'],
};
export const knownTopics = ['weather', 'banking', 'travel'];
export const newTopics = ['gardening', 'music'];

/** A text of the topic; the same `seed` gives the same text. */
export function textOf(topic: string, seed: number): string {
  const words = topics[topic] ?? [];
  const pick = (turn: number) => words[(seed * 7 + turn * 3 + ((seed >> turn) & 5)) % words.length] ?? '';
  return `tell me about ${pick(1)} and ${pick(2)} with the ${pick(4)} number ${String.fromCharCode(97 + (seed % 26))}${String.fromCharCode(97 + ((seed / 26) % 26))}`;
}

/** `count` labelled texts, going round the topics. */
export function examples(names: readonly string[], count: number, from: number) {
  return Array.from({ length: count }, (_, index) => {
    const completion = names[index % names.length] ?? '';
    return { prompt: textOf(completion, from + index), completion };
  });
}

export interface Loop {
  config: Config;
  directory: string;
  database: TestDatabase;
  client: Client;
  namespace: string;
  runtime: Runtime;
  answerer: Answerer;
  champions: Champions;
  log: AnswerLog;
  logger: Logger;
  logs: string[];
  startWorker(): Promise<RunningWorker>;
  /** A worker as a process of its own, which a test may kill; `epochs` makes its training last. */
  spawnWorker(epochs: number): Promise<ChildProcess>;
  /** A gateway as a process of its own, which a test may kill. Returns where it answers. */
  spawnGateway(): Promise<string>;
  /** Sends production traffic and waits till it is in the database. Returns request ids with the true topic. */
  send(rows: readonly { prompt: string; completion: string }[]): Promise<Map<string, string>>;
  close(): Promise<void>;
}

/**
 * A model in production in a database, a Temporal namespace and a folder of its own; no worker yet. Temporal stores what
 * `payloadKeys` encrypt.
 */
export async function startLoop(
  overrides: (settings: LoopSettings) => void = () => {},
  payloadKeys: readonly PayloadKey[] = [],
): Promise<Loop> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-loop-'));
  const database = await createTestDatabase();
  const settings = await writeWorld(directory);
  overrides(settings);
  const config = configSchema.parse(settings);
  useRedaction(config.log.redaction);
  const connection = await Connection.connect({ address: temporalAddress(), connectTimeout: patienceMs });
  const namespace = await createNamespace(connection);
  const runtime: Runtime = {
    ...{ config, configPath: join(directory, 'relearn.yaml'), db: database.db },
    environment: {
      ...{ databaseUrl: database.url, temporal: { address: temporalAddress() }, namespace },
      ...{ logLevel: 'warn', cacheDirectory: directory, secret: () => undefined, payloadKeys },
    },
    hashKey: () => Promise.resolve(hashKey),
    close: () => Promise.resolve(),
  };
  await readOrMakeCertificateKeys(config, () => undefined);
  const { version } = await trainVersion(runtime, model);
  await deployVersion(runtime, model, version, { actor: 'test', reason: 'first' });

  const logs: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logs.push(line) });
  const { db } = database;
  const secret = () => undefined;
  const answering = await openAnswering({
    ...{ config, db, databaseUrl: database.url, hashKey, secret, logger },
    ...{ load: loadOnnxModel, answerMs: patienceMs },
  });
  const { answerer, champions, log } = answering;
  const workers: RunningWorker[] = [];
  const children: ChildProcess[] = [];
  async function spawnCommand(...args: string[]): Promise<ChildProcess> {
    await writeFile(runtime.configPath, JSON.stringify(settings)); // JSON is YAML
    const child = spawn(process.execPath, [cli, ...args, '--config', runtime.configPath], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        ...{ NODE_OPTIONS: '', DATABASE_URL: database.url, RELEARN_HASH_KEY: hashKey },
        ...{ TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: namespace },
      },
    });
    children.push(child);
    return child;
  }

  return {
    ...{ config, directory, database, namespace, runtime, answerer, champions, log, logger, logs },
    client: makeClient(connection, { namespace, payloadKeys }),
    async startWorker() {
      const temporal = { address: temporalAddress() };
      const worker = await startWorker({
        ...{ config, db, temporal, namespace, hashKey, payloadKeys, logger, secret },
      });
      workers.push(worker);
      return worker;
    },
    async spawnWorker(epochs) {
      const [own] = Object.values(settings.models);
      Object.assign(own?.retrain['trainer'] ?? {}, { epochs });
      return spawnCommand('worker');
    },
    async spawnGateway() {
      const port = await getPort({ host: '127.0.0.1' });
      const url = `http://127.0.0.1:${port}`;
      const gateway = await spawnCommand('gateway', '--port', `${port}`);
      await until('the gateway is ready', () => {
        assert.equal(gateway.exitCode, null, 'the gateway ended');
        return fetch(`${url}/readyz`).then(({ ok }) => ok).catch(() => false); // prettier-ignore
      });
      return url;
    },
    async send(rows) {
      const truth = new Map<string, string>();
      for (const { prompt, completion } of rows) {
        const messages = [{ role: 'user', content: prompt }];
        const { requestId } = await answerer.answer({ model, messages, source: 'production' });
        truth.set(requestId, completion);
      }
      await log.flush();
      return truth;
    },
    async close() {
      for (const child of children) await kill(child);
      for (const worker of workers) await worker.stop();
      await answering.close();
      await connection.close();
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a test may change before the configuration is checked. */
export interface LoopSettings {
  stateDir: string;
  log: { flushMs: number };
  models: Record<string, ModelSettings>;
}
export interface ModelSettings {
  serve: { kind: 'onnx' };
  drift: Record<string, unknown>;
  retrain: Record<string, unknown>;
  evals: { pack: string; gates: object[] };
  rollout: { approval: boolean; canary?: { shares: number[]; stepMinutes: number; maxLowConfidenceIncrease?: number } };
}

async function writeWorld(directory: string): Promise<LoopSettings> {
  const file = async (name: string, rows: object[]) => {
    const path = join(directory, name);
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  return {
    stateDir: join(directory, 'state'),
    log: { flushMs: 20 },
    models: {
      [model]: {
        serve: { kind: 'onnx' },
        drift: {
          gold: await file('gold.jsonl', examples(knownTopics, 30, 10_000)),
          referenceRequests: 60,
          graceHours: 0,
        },
        retrain: {
          minCorrected: 20,
          trainer: { kind: 'embedded', base: await file('base.jsonl', examples(knownTopics, 300, 0)) },
        },
        evals: {
          pack: await file('eval.jsonl', examples(knownTopics, 120, 20_000)),
          gates: [{ metric: 'pass_rate', slice: 'all', required: true, min: 0.9, maxDrop: 0.05 }],
        },
        rollout: { approval: false },
      },
    },
  };
}

/** A namespace of a test's own: task queues have fixed names. */
async function createNamespace(connection: Connection): Promise<string> {
  const namespace = `test-${randomUUID()}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await registerSearchAttributes(connection, namespace);
  return namespace;
}

/** As a machine that loses power: nothing is said, nothing is tidied. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
