import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configSchema, type Config } from '../../src/config.ts';
import type { Database } from '../../src/database.ts';
import type { ArtifactStore } from '../../src/promote/artifacts.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import type { ServedModel } from '../../src/serve/model.ts';

/** A configuration with these models served from the registry. */
export function onnxConfig(models: readonly string[], extra: Record<string, unknown> = {}): Config {
  return configSchema.parse({
    ...extra,
    models: Object.fromEntries(models.map((model) => [model, { serve: { kind: 'onnx' } }])),
  });
}

export const silentLogger = { info() {}, warn() {} };

/** A logger that keeps its lines. */
export function keepLines() {
  const lines: string[] = [];
  const keep = (details: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(details)}`);
  };
  return { lines, info: keep, warn: keep };
}

/** A model that answers with its version, after `wait`, and notes when it is closed. */
export function versionEcho(version: string, wait: () => Promise<void> = async () => {}) {
  const state = { closed: false, underWay: 0 };
  const isClosed = () => state.closed;
  const served: ServedModel = {
    version,
    readsRedacted: true,
    async answer(conversations) {
      if (isClosed()) throw new Error(`${version} was asked after it was closed`);
      state.underWay += 1;
      await wait();
      state.underWay -= 1;
      if (isClosed()) throw new Error(`${version} was closed under an answer`);
      return conversations.map(() => ({ text: version, logprob: -0.1 }));
    },
    async close() {
      if (state.underWay > 0) throw new Error(`${version} was closed with ${state.underWay} answers under way`);
      state.closed = true;
    },
  };
  return { served, isClosed };
}

/** Registers a version whose artifact holds `content`. Returns its name. */
export async function addVersion(
  db: Database,
  artifacts: ArtifactStore,
  directory: string,
  { model, content, lowConfidenceBelow = null }: { model: string; content: string; lowConfidenceBelow?: number | null },
): Promise<string> {
  const file = join(directory, `${model}-source`);
  await writeFile(file, content);
  return registerVersion(db, {
    model,
    kind: 'onnx',
    artifact: await artifacts.put(file),
    dataset: null,
    parent: null,
    run: null,
    lowConfidenceBelow,
    metadata: {},
  });
}

/** Makes a version the champion, without the certificate that a real promotion needs. */
export async function setChampion(db: Database, model: string, version: string): Promise<void> {
  await db.query(
    `insert into relearn.aliases (model, alias, version) values ($1, 'champion', $2)
     on conflict (model, alias) do update set version = excluded.version, token = aliases.token + 1, changed_at = now()`,
    [model, version],
  );
}
