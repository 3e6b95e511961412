import { stat } from 'node:fs/promises';
import { activityInfo } from '@temporalio/activity';
import { certifyCandidate, judgeCandidate } from '../src/gate/judge.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface JudgedRuns {
  model: string;
  version: string;
  championRun: string;
  candidateRun: string;
}

export function createGateActivities({ config, db, artifacts, certificateKeys }: ActivityDependencies) {
  const gatesOf = (model: string) => config.models[model]?.evals?.gates ?? [];
  const sizeOf = async (artifact: string) => (await stat(await artifacts.get(artifact))).size / 1e6;
  /** Of the step, so that another attempt says and writes the same. */
  const now = () => new Date(activityInfo().scheduledTimestampMs);
  return {
    async judge(runs: JudgedRuns): Promise<{ verdict: 'pass' | 'fail' | 'inconclusive'; reason: string }> {
      const judged = { ...runs, gates: gatesOf(runs.model), sizeOf, before: now() };
      const { verdict, reason } = await judgeCandidate(db, judged);
      return { verdict, reason };
    },

    /** Signs and stores the certificate, passed or not. */
    async certify(runs: JudgedRuns & { approvedBy: string | null }): Promise<{ id: string; passed: boolean }> {
      const judged = { ...runs, gates: gatesOf(runs.model), sizeOf, keys: certificateKeys };
      return certifyCandidate(db, { ...judged, issuedAt: now() });
    },
  };
}
