import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { configSchema, type Config } from '../../src/config.ts';
import { buildGateway } from '../../src/http/gateway.ts';
import { followKeys } from '../../src/http/keys-follow.ts';
import type { ReviewSignals } from '../../src/http/review-options.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { createRedactor, redactorVersion } from '../../src/log/redact/index.ts';
import { findRow } from '../../src/log/rows.ts';
import { openLogWriter } from '../../src/log/writer.ts';
import { openArtifactDirectory } from '../../src/promote/artifacts.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { trainFromFiles } from '../../src/retrain/embedded/train-from-files.ts';
import { createAnswerer } from '../../src/serve/answer.ts';
import { createAnswerLog } from '../../src/serve/log-answer.ts';
import { followChampions } from '../../src/serve/champions.ts';
import { loadOnnxModel } from '../../src/serve/onnx.ts';
import { openVersions } from '../../src/serve/versions.ts';
import { setChampion } from '../serve/fixtures.ts';
import { createTestDatabase } from '../stack.ts';
import { patienceMs } from '../until.ts';

const topics = {
  card: ['my card was stolen', 'block the card', 'a new card please', 'the card does not work', 'lost my card abroad'],
  loan: ['raise my loan', 'what does the loan cost', 'pay the loan back early', 'a loan for a house', 'loan interest'],
};

/** A logger that writes into memory. */
export function memoryLogger(level = 'info') {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: pino({ level }, stream), lines };
}

/** Temporal as nobody hears it. */
export const silentSignals: ReviewSignals = {
  correctionsRecorded: () => Promise.resolve(),
  startDriftResponse: () => Promise.resolve(),
  decide: () => Promise.resolve(),
  triggerRetrain: () => Promise.resolve(),
  runState: () => Promise.resolve({ phase: 'train', candidate: null }),
  decideRun: () => Promise.resolve(),
  rollBack: () => Promise.resolve(),
  promote: () => Promise.resolve(),
  eraseUser: () => Promise.resolve(''),
};

export function testConfig(extra: Record<string, unknown> = {}): Config {
  return configSchema.parse({
    gateway: { bodyLimitKb: 16 },
    models: { triage: { serve: { kind: 'onnx' } } },
    ...extra,
  });
}

/**
 * A gateway over a real database and real ONNX champions, with a version `v1` deployed. `promote` trains one whose
 * answers end in the given suffix, so that an answer shows which version gave it.
 */
export async function startTestGateway({
  redactor = createRedactor(),
  config = testConfig(),
  logLevel = 'info',
  needsKeys = false,
} = {}) {
  const database = await createTestDatabase();
  const { db } = database;
  await ensureAhead(db, 2);
  const directory = await mkdtemp(join(tmpdir(), 'relearn-gateway-'));
  const artifacts = openArtifactDirectory(join(directory, 'artifacts'));
  const { logger, lines } = memoryLogger(logLevel);
  const options = { db, artifacts, models: config.models, load: loadOnnxModel, secret: () => undefined, logger };
  const champions = followChampions({
    ...options,
    ...{ requireCertificate: () => Promise.resolve(), pollMs: 20, answerMs: patienceMs },
  });
  const versions = openVersions(options);
  const writer = openLogWriter({ db, logger, flushMs: 20, maxQueuedRows: 1_000_000, hotWindowHours: 24 });
  const hashKey = 'test key';
  const log = createAnswerLog({ writer, redactor, hashKey });
  const keys = needsKeys ? await followKeys({ db, logger, maxAgeMs: 60_000, patienceMs, pollMs: 20 }) : undefined;
  const answerer = createAnswerer({ config, champions, versions, log, redactor });
  const app = buildGateway({ config, answerer, champions, db, log, hashKey, logger, keys });

  async function promote(suffix: string): Promise<string> {
    const base = join(directory, 'base.jsonl');
    const examples = Object.entries(topics).flatMap(([topic, prompts]) =>
      prompts.map((prompt) => JSON.stringify({ prompt, completion: `${topic}${suffix}` })),
    );
    await writeFile(base, examples.join('\n'));
    const output = join(directory, 'model.onnx');
    await trainFromFiles(
      { files: { base, calibration: [] }, output, seed: 1, epochs: 5, redactorVersion: redactorVersion() },
      () => {},
    );
    const version = await registerVersion(db, {
      model: 'triage',
      kind: 'onnx',
      artifact: await artifacts.put(output),
      dataset: null,
      parent: null,
      run: null,
      lowConfidenceBelow: Math.log(0.5),
      metadata: {},
    });
    await setChampion(db, 'triage', version);
    return version;
  }

  /** Makes the endpoint of a configured upstream the champion. */
  async function deployUpstream(model: string): Promise<void> {
    const version = await registerVersion(db, {
      ...{ model, kind: 'upstream', artifact: null, dataset: null, parent: null, run: null },
      ...{ lowConfidenceBelow: null, metadata: {} },
    });
    await setChampion(db, model, version);
    await champions.refresh();
  }

  /** Listens, and returns the base URL for OpenAI's clients. */
  async function listen(): Promise<string> {
    await app.listen({ host: '127.0.0.1', port: 0 });
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1`;
  }

  /** The row of a request when all that was answered is stored. */
  async function storedRow(requestId: string) {
    await log.flush();
    return findRow(db, requestId);
  }

  return {
    app,
    deployUpstream,
    listen,
    storedRow,
    db,
    writer,
    champions,
    lines,
    promote,
    /** Takes the database away, as a crash of the server does. */
    disconnect: () => database.close(),
    async close({ disconnected = false } = {}) {
      await app.close();
      await log.close();
      await champions.close();
      await versions.close();
      await keys?.close();
      if (!disconnected) await database.close();
      await rm(directory, { recursive: true });
    },
  };
}
