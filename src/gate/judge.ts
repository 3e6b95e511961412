import type { Database } from '../database.ts';
import { getVersion } from '../promote/registry.ts';
import { digestUpstream } from '../promote/upstream-version.ts';
import { askedGates } from './asked-gates.ts';
import { digestJson } from './canonical-json.ts';
import { digestGates, issueCertificate, pairedTest } from './certificate.ts';
import type { CertificateKeys } from './certificate-keys.ts';
import type { Gate } from './config.ts';
import { getEvalRun, type EvalRun } from './eval-runs.ts';
import { keepJudgement } from './judgements.ts';
import { eachLabel, inSlice, isLearned, summariseSlices } from './slices.ts';
import { countPackUses, findCertificate, storeCertificate } from './stored-certificates.ts';
import { decideVerdict, type Decision } from './verdict.ts';

export interface Judged {
  model: string;
  version: string;
  /** The configured gates. */
  gates: readonly Gate[];
  /** Eval run of the champion on the same cases; null for the first version of a model. */
  championRun: string | null;
  candidateRun: string;
  /** Size of an artifact in MB, by its digest. */
  sizeOf: (artifact: string) => Promise<number>;
}

/** From this many decisions on, versions begin to be chosen for how they do on this very pack. */
const manyPackUses = 20;

/**
 * Decides from stored eval runs whether a candidate may replace the champion, and keeps that for people to look at.
 * Asked twice, it answers the same.
 * `before`: uses of the pack later than this do not count.
 */
export async function judgeCandidate(
  db: Database,
  judged: Judged & { before: Date },
): Promise<Decision & { reason: string }> {
  const evidence = await gather(db, judged, judged.before);
  const { decision, gates, candidate, champion, packUses } = evidence;
  await keepJudgement(db, judged.candidateRun, { champion: champion?.version ?? null, packUses, verdict: decision });
  const compared = champion === null ? 'first version' : `${percentPassed(champion)} before`;
  const worn =
    packUses > manyPackUses
      ? [`the eval pack has decided ${packUses} times: versions may be fitted to it, so renew some of its cases`]
      : [];
  const told = `${percentPassed(candidate)} of the eval pack passed, ${compared}`;
  const emptied = emptiedSlices(gates, judged.gates, candidate).map(
    (slice) =>
      `the champion has cleared slice ${slice}, which the eval pack no longer holds: put its cases back, or name it in evals.gates with required: false`,
  );
  return { ...decision, reason: [told, ...decision.reasons, ...emptied, ...worn].join('; ') };
}

/** Writes what `judgeCandidate` decides as a certificate and returns its id. `issuedAt` names the step that asks. */
export async function certifyCandidate(
  db: Database,
  judged: Judged & { keys: CertificateKeys; approvedBy: string | null; issuedAt: Date },
): Promise<{ id: string; passed: boolean }> {
  const { model, issuedAt } = judged;
  const { decision, gates, candidate, champion, packUses } = await gather(db, judged, issuedAt);
  const version = await getVersion(db, model, judged.version);
  const certificate = issueCertificate(
    {
      ...{ model, version: judged.version, kind: champion === null ? 'first' : 'gated' },
      passed: decision.verdict === 'pass',
      artifact: version.artifact,
      upstreamSha256: digestUpstream(version),
      dataset: version.dataset,
      manifestSha256: await digestManifest(db, version.dataset),
      champion: champion?.version ?? null,
      packSha256: candidate.fileSha256,
      packUses,
      casesSha256: candidate.packSha256,
      gatesSha256: digestGates(judged.gates),
      gates,
      slices: summariseSlices(candidate.results, champion?.results ?? null),
      test: pairedTest,
      verdict: decision,
      approvedBy: judged.approvedBy,
      issuedAt: issuedAt.toISOString(),
    },
    judged.keys,
  );
  await storeCertificate(db, certificate);
  return { id: certificate.id, passed: certificate.passed };
}

async function gather(db: Database, judged: Judged, before: Date) {
  const { model } = judged;
  const { candidate, champion } = await readRuns(db, judged);
  const cleared = champion === null ? null : await findCertificate(db, model, champion.version);
  // Before a first version nothing was corrected that could be held out.
  const configured = champion === null ? judged.gates.filter(({ slice }) => !isLearned(slice)) : judged.gates;
  const gates = askedGates(configured, cleared?.passed === true ? cleared.gates : [], candidate.results);
  const weighed = gates.some(({ metric }) => metric === 'size_mb');
  const sizes = {
    candidate: weighed ? await sizeOf(db, judged, judged.version) : null,
    champion: weighed && champion !== null ? await sizeOf(db, judged, champion.version) : null,
  };
  const decision = decideVerdict({
    ...{ gates, sizes },
    champion: champion?.results ?? null,
    candidate: candidate.results,
  });
  const { fileSha256 } = candidate;
  const earlier = fileSha256 === null ? 0 : await countPackUses(db, { model, packSha256: fileSha256, before });
  return { decision, gates, candidate, champion, packUses: earlier + 1 };
}

/** Slices without a case whose gates are asked because the champion has cleared them. */
function emptiedSlices(asked: readonly Gate[], configured: readonly Gate[], { results }: EvalRun): string[] {
  const emptied = asked.filter(
    (gate) =>
      !configured.includes(gate) &&
      !results.some((result) => gate.slice === eachLabel || inSlice(result.slice, gate.slice)),
  );
  return [...new Set(emptied.map(({ slice }) => slice))];
}

async function readRuns(db: Database, judged: Judged): Promise<{ candidate: EvalRun; champion: EvalRun | null }> {
  const candidate = await getEvalRun(db, judged.candidateRun);
  const champion = judged.championRun === null ? null : await getEvalRun(db, judged.championRun);
  if (candidate === null || (judged.championRun !== null && champion === null)) {
    throw new Error('an eval run that was just stored is gone');
  }
  return { candidate, champion };
}

async function sizeOf(db: Database, judged: Judged, version: string): Promise<number | null> {
  const { artifact } = await getVersion(db, judged.model, version);
  return artifact === null ? null : judged.sizeOf(artifact);
}

async function digestManifest(db: Database, dataset: string | null): Promise<string | null> {
  const [row] = await db.query<{ manifest: unknown }>(`select manifest from relearn.datasets where id = $1`, [dataset]);
  return row === undefined ? null : digestJson(row.manifest);
}

function percentPassed({ results }: EvalRun): string {
  const [pack] = summariseSlices(results, null);
  return `${((100 * (pack?.passed ?? 0)) / Math.max(pack?.cases ?? 0, 1)).toFixed(1)} %`;
}
