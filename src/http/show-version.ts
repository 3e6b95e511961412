import type { z } from 'zod';
import type { Config } from '../config.ts';
import type { Database } from '../database.ts';
import { certificateSchema, findFault, type Signed } from '../gate/certificate.ts';
import { certificateWords, type CertificateWords } from '../gate/certificate-words.ts';
import { compareSlices, type AskedOfSlice } from '../gate/compare-slices.ts';
import { defaultMargin } from '../gate/decide-gate.ts';
import { listRunResults } from '../gate/eval-runs.ts';
import type { GateJudgement } from '../gate/judgements.ts';
import type { LineageCount } from '../promote/lineage.ts';
import { versionState } from '../promote/version-state.ts';
import type { VersionRow } from '../promote/version-rows.ts';
import type { ReviewOptions } from './review-options.ts';
import type { versionResponse, versionsResponse } from './version-schemas.ts';

type Summary = Omit<z.output<typeof versionsResponse>['versions'][number], 'since' | 'created_at' | 'tainted_at'> &
  Record<'created_at', Date> &
  Record<'since' | 'tainted_at', Date | null>;

/** One version in a list. `phase`: of its run under way, as Temporal tells it. */
export function showSummary(row: VersionRow, phase: string | null): Summary {
  const { version, share, since, run, parent, dataset, alias, servedBefore, takenBack, runState } = row;
  const state = versionState({
    ...{ alias, takenBack, servedBefore, passed: row.certificate?.passed ?? null },
    run: runState === null ? null : { state: runState, phase },
  });
  return {
    ...{ version, state, share, since, run, parent, dataset, certificate: row.certificate },
    ...{ created_at: row.createdAt, tainted_at: row.taintedAt, triggers: row.triggers ?? [] },
  };
}

/** Steps of a rollout of this model; null where none is configured. */
export function showCanary(config: Config, model: string): z.output<typeof versionsResponse>['canary'] {
  const canary = config.models[model]?.rollout.canary;
  if (canary === undefined || canary.stepMinutes === 0 || canary.shares.length === 0) return null;
  return { shares: canary.shares, step_minutes: canary.stepMinutes };
}

/** The certificate that counts, in plain words; null for a version without one. */
export function putIntoWords(
  signed: Signed | undefined,
  operators: readonly LineageCount[],
  keys: ReviewOptions['certificateKeys'],
): CertificateWords | null {
  if (signed === undefined) return null;
  const rows = operators.reduce((sum, { train, heldOut, duplicate }) => sum + train + heldOut + duplicate, 0);
  return certificateWords(certificateSchema.safeParse(signed).data ?? null, {
    fault: keys === undefined ? undefined : findFault(signed, keys),
    key: signed.signature?.key ?? null,
    learned: rows === 0 ? null : { rows, operators: operators.map(({ name }) => name) },
  });
}

/** The version beside the one it was made to replace, slice by slice, from what both did in its run. */
export async function readComparison(
  db: Database,
  config: Config,
  { model, version, run, parent }: VersionRow,
  { signed, judgement }: { signed: Signed | undefined; judgement: GateJudgement | null },
): Promise<z.output<typeof versionResponse>['comparison']> {
  const certificate = certificateSchema.safeParse(signed).data;
  const champion = certificate?.champion ?? judgement?.champion ?? parent;
  if (run === null || champion === null) return null;
  const results = await listRunResults(db, model, run);
  const [own, other] = [results.get(version), results.get(champion)];
  if (own === undefined || other === undefined) return null;
  const verdict = certificate?.verdict ?? judgement?.verdict;
  const asked = verdict === undefined ? marginsOf(config, model) : marginsFound(verdict.gates);
  return { champion, slices: compareSlices(own, other, asked) };
}

function marginsFound(gates: GateJudgement['verdict']['gates']): AskedOfSlice[] {
  return gates
    .filter(({ kind, figures }) => kind === 'maxDrop' && figures['lowerBound'] !== undefined)
    .map(({ slice, figures }) => ({
      ...{ slice, margin: figures['maxDrop'] ?? defaultMargin, lowerBound: figures['lowerBound'] },
    }));
}

/** Of a candidate whose judgement is not known. */
function marginsOf(config: Config, model: string): AskedOfSlice[] {
  return (config.models[model]?.evals?.gates ?? [])
    .filter(({ metric, min, maxDrop }) => metric === 'pass_rate' && (maxDrop !== undefined || min === undefined))
    .map(({ slice, maxDrop }) => ({ slice, margin: maxDrop ?? defaultMargin }));
}
