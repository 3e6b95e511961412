import { stat } from 'node:fs/promises';
import { activityInfo } from '@temporalio/activity';
import type { GateResult } from '../src/gate/decide-gate.ts';
import { certifyCandidate, judgeCandidate } from '../src/gate/judge.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface JudgedRuns {
  model: string;
  version: string;
  championRun: string;
  candidateRun: string;
}

export interface Judgement {
  verdict: 'pass' | 'fail' | 'inconclusive';
  reason: string;
  /** The required gates, for people to look at; all of them are in the certificate. */
  gates?: { gate: string; outcome: string; reason: string }[];
  /** Gates that are not among these. */
  moreGates?: number;
}

const mostShown = 12;

function showGate({ metric, slice, kind, outcome, reason }: GateResult): NonNullable<Judgement['gates']>[number] {
  return { gate: `${metric} ${kind} on ${slice}`, outcome, reason };
}

export function createGateActivities({ config, db, artifacts, certificateKeys }: ActivityDependencies) {
  const gatesOf = (model: string) => config.models[model]?.evals?.gates ?? [];
  const sizeOf = async (artifact: string) => (await stat(await artifacts.get(artifact))).size / 1e6;
  /** Of the step, so that another attempt says and writes the same. */
  const now = () => new Date(activityInfo().scheduledTimestampMs);
  return {
    async judge(runs: JudgedRuns): Promise<Judgement> {
      const judged = { ...runs, gates: gatesOf(runs.model), sizeOf, before: now() };
      const { verdict, reason, gates } = await judgeCandidate(db, judged);
      const decisive = gates.filter(({ required }) => required);
      return {
        verdict,
        reason,
        gates: decisive.slice(0, mostShown).map(showGate),
        moreGates: gates.length - Math.min(decisive.length, mostShown),
      };
    },

    /** Signs and stores the certificate, passed or not. */
    async certify(runs: JudgedRuns & { approvedBy: string | null }): Promise<{ id: string; passed: boolean }> {
      const judged = { ...runs, gates: gatesOf(runs.model), sizeOf, keys: certificateKeys };
      return certifyCandidate(db, { ...judged, issuedAt: now() });
    },
  };
}
