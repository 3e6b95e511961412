import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { getEvalRun } from '../gate/eval-runs.ts';
import { lowConfidenceThreshold } from '../serve/load.ts';
import { readCanaryCensus } from './canary-census.ts';
import { judgeCanary, type CanaryVerdict } from './canary.ts';
import { getChampion, getVersion } from './registry.ts';
import { readRollout } from './rollout.ts';
import { describeTaint, isTainted } from './taint.ts';

/** Judges a rollout by what both versions answered since it began, and by their runs of the gold set; a marked candidate ends it. */
export async function judgeRollout(
  db: Database,
  settings: ModelConfig | undefined,
  { model, run, gold }: { model: string; run: number; gold: { champion: string; candidate: string } | null },
): Promise<CanaryVerdict | { state: 'ended'; reason: string }> {
  const canary = settings?.rollout.canary;
  if (settings === undefined || canary === undefined) {
    throw new RelearnError('model_not_found', `Model ${model} is not configured, or has no rollout.canary any more.`);
  }
  const { state, version, share, startedAt, reason } = await readRollout(db, model, run);
  if (state !== 'running') return { state: 'ended', reason: reason ?? state };
  if (await isTainted(db, { model, version })) return { state: 'ended', reason: describeTaint({ model, version }) };
  const champion = await getChampion(db, model);
  const challenger = await getVersion(db, model, version);
  const census = await readCanaryCensus(db, {
    ...{ model, since: startedAt },
    champion: { version: champion.version, below: lowConfidenceThreshold(settings, champion) },
    challenger: { version, below: lowConfidenceThreshold(settings, challenger) },
  });
  return judgeCanary({
    ...census,
    share,
    maxLowConfidenceIncrease: canary.maxLowConfidenceIncrease,
    maxNegativeIncrease: canary.maxNegativeIncrease,
    gold: gold === null ? null : await compareRuns(db, gold),
    maxGoldDrop: settings.drift.goldSet.margin,
  });
}

async function compareRuns(db: Database, runs: { champion: string; candidate: string }) {
  const [champion, candidate] = await Promise.all([getEvalRun(db, runs.champion), getEvalRun(db, runs.candidate)]);
  if (champion === null || candidate === null) throw new Error('an eval run of the gold set is gone');
  const passedBefore = new Map(champion.results.map((result) => [result.case, result.passed]));
  const both = candidate.results.filter(({ case: id, passed }) => passed !== null && passedBefore.get(id) != null);
  return {
    gained: both.filter((result) => result.passed === true && passedBefore.get(result.case) === false).length,
    lost: both.filter((result) => result.passed === false && passedBefore.get(result.case) === true).length,
    cases: both.length,
  };
}
