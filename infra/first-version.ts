import { isAbsolute, type Gate } from '../src/gate/config.ts';
import { deleteEvalRun, storeEvalRun } from '../src/gate/eval-runs.ts';
import { certifyCandidate, judgeCandidate } from '../src/gate/judge.ts';
import { isLearned } from '../src/gate/slices.ts';
import { findCertificate } from '../src/gate/stored-certificates.ts';
import type { Decision } from '../src/gate/verdict.ts';
import { getVersion, listChampions } from '../src/promote/registry.ts';
import { readCertificateKeys } from './certificate-keys.ts';
import { modelSettings } from './deploy.ts';
import { openEvalPack } from './eval-pack.ts';
import type { Runtime } from './runtime.ts';

/**
 * Asks the first version of a model, when Relearn has trained it, for the absolute gates of the eval pack, and gives it
 * a certificate of kind `first`, passed or not. Null where there is nothing to ask: the model has a champion or no
 * required absolute gate, or the version has passed before or comes from elsewhere.
 */
export async function judgeFirstVersion(runtime: Runtime, model: string, version: string): Promise<Decision | null> {
  const { db } = runtime;
  const gates = modelSettings(runtime, model).evals?.gates ?? [];
  const champions = await listChampions(db, [model]);
  const { metadata } = await getVersion(db, model, version);
  const trained = metadata['trainer'] !== undefined && metadata['trainer'] !== 'imported';
  if (champions.length > 0 || !trained || !gates.some(isAsked)) return null;
  if ((await findCertificate(db, model, version))?.passed === true) return null;
  const keys = await readCertificateKeys(runtime.config, runtime.environment.secret);
  const pack = await openEvalPack(runtime, model);
  try {
    const { sha256: packSha256, fileSha256 } = pack.set;
    const key = { model, version, packSha256, run: null };
    const results = await pack.run(version);
    await deleteEvalRun(db, key); // an earlier try may have met a judge that did not answer
    const candidateRun = await storeEvalRun(db, { ...key, fileSha256, results });
    const judged = { ...{ model, version, gates, candidateRun }, championRun: null, sizeOf: pack.sizeOf };
    const now = new Date();
    const decision = await judgeCandidate(db, { ...judged, before: now });
    await certifyCandidate(db, { ...judged, keys, approvedBy: null, issuedAt: now });
    return decision;
  } finally {
    await pack.close();
  }
}

/** Of slices of corrections nothing can be held out yet. */
function isAsked(gate: Gate): boolean {
  return gate.required && isAbsolute(gate) && !isLearned(gate.slice);
}
