import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelConfig } from '../src/config.ts';
import { RelearnError } from '../src/errors.ts';
import { issueCertificate } from '../src/gate/certificate.ts';
import type { CertificateKeys } from '../src/gate/certificate-keys.ts';
import { findCertificate, storeCertificate } from '../src/gate/stored-certificates.ts';
import { describeOtherRedactor, redactorInForce, redactToStore } from '../src/log/redact/index.ts';
import { registerIncumbent } from '../src/promote/incumbent.ts';
import { deployChampion } from '../src/promote/promotion.ts';
import { getVersion, listChampions, registerVersion, type Version } from '../src/promote/registry.ts';
import { digestUpstream, type UpstreamConfig } from '../src/promote/upstream-version.ts';
import { createTrainer } from '../src/retrain/create-trainer.ts';
import { openJobStore } from '../src/retrain/jobs/job-store.ts';
import { adoptOnnx } from '../src/retrain/pipeline/adopt-onnx.ts';
import { registerTrained } from '../src/retrain/register-trained.ts';
import { readAsked } from '../src/retrain/training-rows.ts';
import { openArtifacts } from './artifacts.ts';
import { readCertificateKeys } from './certificate-keys.ts';
import { trainerEnvironment } from './environment.ts';
import type { Runtime } from './runtime.ts';
import { statePaths } from './state-paths.ts';

/** Trains the first version of a model from its base set and registers it. */
export async function trainVersion(
  runtime: Runtime,
  model: string,
  onProgress: (share: number) => void = () => {},
): Promise<{ version: string; seconds: number; rows: number; labels: number }> {
  const settings = modelSettings(runtime, model);
  const trainer = settings.retrain.trainer;
  if (trainer === undefined) {
    throw new RelearnError('invalid_config', `models.${model}.retrain.trainer is not set: nothing can train.`);
  }
  const { scratch } = statePaths(runtime.config);
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, `train-${model}-`));
  try {
    const { secret } = runtime.environment;
    const train = createTrainer(trainer, {
      ...{ environment: trainerEnvironment(runtime.config), secret, jobs: openJobStore(runtime.db) },
      chain: runtime.config.log.redaction.chain,
    });
    const calibration = calibrationFiles(settings);
    const trained = await train({ calibration }, { key: folder, folder }, onProgress, new AbortController().signal);
    const { rows = 0, labels = 0 } = countsSchema.parse(trained.metadata);
    const made = { model, dataset: null, parent: null, run: null, trainer: trainer.kind, serve: settings.serve };
    const stores = { db: runtime.db, artifacts: openArtifacts(runtime.config, secret) };
    const version = await registerTrained(stores, trained, made);
    return { version, seconds: trained.seconds, rows, labels };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const countsSchema = z.object({ rows: z.number().optional(), labels: z.number().optional() });

function calibrationFiles({ drift, evals }: ModelConfig): string[] {
  return [drift.gold, evals?.pack].filter((file) => file !== undefined);
}

/**
 * Registers an ONNX file that was trained elsewhere, after it has loaded and answered. A text pipeline of scikit-learn is
 * rewritten first; `notes` says what was changed and what cannot be known of it.
 */
export async function importVersion(
  runtime: Runtime,
  model: string,
  file: string,
): Promise<{ version: string; notes: string[] }> {
  const settings = modelSettings(runtime, model);
  const { scratch } = statePaths(runtime.config);
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, `import-${model}-`));
  try {
    const asked = calibrationFiles(settings).map((path) => readAsked(redactorInForce(), path));
    const texts = (await Promise.all(asked)).flat();
    const { notes, ...adopted } = await adoptOnnx(file, join(folder, 'model.onnx'), texts);
    const version = await registerVersion(runtime.db, {
      ...{ model, kind: 'onnx', dataset: null, parent: null, run: null },
      lowConfidenceBelow: adopted.lowConfidenceBelow,
      artifact: await openArtifacts(runtime.config, runtime.environment.secret).put(adopted.file),
      metadata: { trainer: 'imported', redactor: adopted.redactorVersion, notes },
    });
    return { version, notes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const trainedFor = z.object({ redactor: z.string() });

/**
 * Makes a version the champion by hand. The first one of a model, in production before Relearn was, gets a certificate
 * of kind `incumbent`, unless it has one (see `judgeFirstVersion`); any later one needs a passed gate certificate. Returns what to know of it, such as that it
 * learned with another redactor than the configured one. Throws `not_certified`, or `invalid_config`
 * where no key signs or the configuration names another endpoint.
 */
export async function deployVersion(
  runtime: Runtime,
  model: string,
  version: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<string | null> {
  const { db } = runtime;
  const { serve } = modelSettings(runtime, model);
  const found = await getVersion(db, model, version);
  const [champion] = await listChampions(db, [model]);
  const keys = await readCertificateKeys(runtime.config, runtime.environment.secret);
  if (champion === undefined) await certifyIncumbent(runtime, keys, found, { actor, at: new Date() });
  const expectedToken = champion?.token ?? 0;
  const key = `deploy/${model}/${version}/${expectedToken}`;
  const why = await redactToStore((redact) => redact(reason));
  await deployChampion(db, keys, { model, version, action: 'deploy', key, actor, reason: why, expectedToken, serve });
  const learned = trainedFor.safeParse(found.metadata).data?.redactor;
  return learned === undefined ? null : describeOtherRedactor(learned, redactorInForce());
}

/** Certifies what is in production without gates, unless it has a certificate. */
async function certifyIncumbent(
  { db }: Runtime,
  keys: Pick<CertificateKeys, 'sign'>,
  found: Version,
  { actor, at }: { actor: string; at: Date },
): Promise<void> {
  const { model, version, artifact } = found;
  if ((await findCertificate(db, model, version)) !== null) return;
  const certificate = issueCertificate(
    {
      ...{ model, version, kind: 'incumbent', passed: true, artifact, upstreamSha256: digestUpstream(found) },
      ...{ dataset: null, manifestSha256: null, champion: null, packSha256: null, packUses: null },
      ...{ casesSha256: null, gatesSha256: null, gates: [], slices: [], test: 'none', verdict: null },
      ...{ approvedBy: actor, issuedAt: at.toISOString() },
    },
    keys,
  );
  await storeCertificate(db, certificate);
}

/**
 * Makes the endpoint of every upstream model a champion, once: what was in production when the model was configured, and
 * again each time that `serve.url` or `serve.upstreamModel` has changed since, whatever served meanwhile. Returns what
 * is to be told of it.
 */
export async function deployIncumbentUpstreams(runtime: Runtime): Promise<string[]> {
  const told: string[] = [];
  for (const [model, { serve }] of Object.entries(runtime.config.models)) {
    if (serve.kind === 'upstream') told.push(...(await deployIncumbent(runtime, model, serve)));
  }
  return told;
}

async function deployIncumbent(runtime: Runtime, model: string, serve: UpstreamConfig): Promise<string[]> {
  const { db, config, environment } = runtime;
  const { version, createdAt, deployed } = await registerIncumbent(db, model, serve);
  const [champion] = await listChampions(db, [model]);
  if (deployed) {
    if (champion?.kind !== 'onnx') return [];
    const command = `relearn deploy --model ${model} --version ${version}`;
    return [`${model}: the file of ${champion.version} is the champion; \`${command}\` lets its endpoint serve`];
  }
  const keys = await readCertificateKeys(config, environment.secret);
  const found = await getVersion(db, model, version);
  // Of the version's own time: processes that come here at once write one certificate.
  await certifyIncumbent(runtime, keys, found, { actor: 'relearn', at: createdAt });
  const changed = champion !== undefined;
  await deployChampion(db, keys, {
    ...{ model, version, action: 'deploy', actor: 'relearn', serve, expectedToken: null },
    key: `incumbent/${model}/${version}`, // whoever comes later finds it done
    reason: changed ? 'serve.url or serve.upstreamModel was changed' : 'in production when configured',
  });
  if (!changed) return [`${model}: its endpoint is the champion`];
  return [
    `${model}: relearn.yaml names another endpoint or upstreamModel than before. It is the champion now, as ${version}, ` +
      `in place of ${champion.version}${champion.run === null ? '' : ', which was trained for the one before'}; what is watched begins anew`,
  ];
}

/** Throws `model_not_found` naming the configured models. */
export function modelSettings(runtime: Pick<Runtime, 'config'>, model: string): ModelConfig {
  const settings = Object.hasOwn(runtime.config.models, model) ? runtime.config.models[model] : undefined;
  if (settings !== undefined) return settings;
  const known = Object.keys(runtime.config.models).join(', ');
  throw new RelearnError('model_not_found', `There is no model ${model} in the configuration. Configured: ${known}.`);
}

/** The model that is named, or else the only one there is. Throws `model_not_found`, or `invalid_arguments`. */
export function chooseModel(runtime: Pick<Runtime, 'config'>, named: string | undefined): string {
  const models = Object.keys(runtime.config.models);
  const [only] = models;
  const model = named ?? (models.length === 1 ? only : undefined);
  if (model === undefined) {
    throw new RelearnError('invalid_arguments', `Wanted --model, as there are several: ${models.join(', ')}.`);
  }
  modelSettings(runtime, model);
  return model;
}
