import { activityInfo } from '@temporalio/activity';
import { certifyCandidate, judgeCandidate } from '../src/gate/judge.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface JudgedRuns {
  model: string;
  version: string;
  championRun: string;
  candidateRun: string;
}

export function createGateActivities({ config, db }: ActivityDependencies) {
  const gatesOf = (model: string) => config.models[model]?.evals?.gates ?? [];
  return {
    async judge(runs: JudgedRuns): Promise<{ verdict: 'pass' | 'fail' | 'inconclusive'; reason: string }> {
      const { verdict, reason } = await judgeCandidate(db, { ...runs, gates: gatesOf(runs.model) });
      return { verdict, reason };
    },

    /** Writes the certificate, passed or not. Its time is that of the step, so that an attempt more writes no second. */
    async certify(runs: JudgedRuns & { approvedBy: string | null }): Promise<{ id: string; passed: boolean }> {
      const issuedAt = new Date(activityInfo().scheduledTimestampMs);
      return certifyCandidate(db, { ...runs, gates: gatesOf(runs.model), issuedAt });
    },
  };
}
