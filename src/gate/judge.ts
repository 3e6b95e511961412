import type { Gate } from '../config.ts';
import type { Database } from '../database.ts';
import { getVersion } from '../promote/registry.ts';
import { buildCertificate, digestGates, pairedTest, storeCertificate } from './certificate.ts';
import { getEvalRun, type EvalRun } from './eval-runs.ts';
import { decideVerdict, type CaseResult, type Decision } from './verdict.ts';

export interface Judged {
  model: string;
  version: string;
  /** The configured gates. */
  gates: readonly Gate[];
  /** Eval run of the champion on the same cases; null for the first version of a model. */
  championRun: string | null;
  candidateRun: string;
}

/** Decides from stored eval runs whether a candidate may replace the champion. Asked twice, it answers the same. */
export async function judgeCandidate(db: Database, judged: Judged): Promise<Decision & { reason: string }> {
  const { candidate, champion } = await readRuns(db, judged);
  const decision = decide(judged, candidate, champion);
  const compared = champion === null ? 'first version' : `${percentPassed(champion)} before`;
  const reason = [`${percentPassed(candidate)} of the eval pack passed, ${compared}`, ...decision.reasons].join('; ');
  return { ...decision, reason };
}

/** Writes what `judgeCandidate` decides as a certificate and returns its id. `issuedAt` names the step that asks. */
export async function certifyCandidate(
  db: Database,
  judged: Judged & { approvedBy: string | null; issuedAt: Date },
): Promise<{ id: string; passed: boolean }> {
  const { candidate, champion } = await readRuns(db, judged);
  const version = await getVersion(db, judged.model, judged.version);
  const verdict = decide(judged, candidate, champion);
  const certificate = buildCertificate({
    model: judged.model,
    version: judged.version,
    kind: champion === null ? 'first' : 'gated',
    passed: verdict.verdict === 'pass',
    artifact: version.artifact,
    dataset: version.dataset,
    champion: champion?.version ?? null,
    packSha256: candidate.packSha256,
    gatesSha256: digestGates(judged.gates),
    test: pairedTest,
    verdict,
    approvedBy: judged.approvedBy,
    issuedAt: judged.issuedAt.toISOString(),
  });
  await storeCertificate(db, certificate);
  return { id: certificate.id, passed: certificate.passed };
}

function decide({ gates }: Judged, candidate: EvalRun, champion: EvalRun | null): Decision {
  return decideVerdict({
    gates: [...gates, ...learnedGates(candidate.results)],
    champion: champion?.results ?? null,
    candidate: candidate.results,
  });
}

/** What production taught before is asked again: required at the default margin once a slice has enough cases. */
function learnedGates(results: readonly CaseResult[]): Gate[] {
  const slices = new Set(results.map(({ slice }) => slice).filter((slice) => slice.startsWith('learned/')));
  return [...slices].map((slice) => ({ metric: 'pass_rate', slice, required: true }));
}

async function readRuns(db: Database, judged: Judged): Promise<{ candidate: EvalRun; champion: EvalRun | null }> {
  const candidate = await getEvalRun(db, judged.candidateRun);
  const champion = judged.championRun === null ? null : await getEvalRun(db, judged.championRun);
  if (candidate === null || (judged.championRun !== null && champion === null)) {
    throw new Error('an eval run that was just stored is gone');
  }
  return { candidate, champion };
}

function percentPassed({ results }: EvalRun): string {
  const pack = results.filter(({ slice }) => !slice.startsWith('learned/'));
  const passed = pack.filter((result) => result.passed).length;
  return `${((100 * passed) / Math.max(pack.length, 1)).toFixed(1)} %`;
}
