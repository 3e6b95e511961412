/** Where a version stands. `ready`: it holds a certificate that passed, and never served. */
export type VersionState =
  | 'champion'
  | 'canary'
  | 'waiting'
  | 'under_way'
  | 'rolled_back'
  | 'served_before'
  | 'refused'
  | 'inconclusive'
  | 'rejected'
  | 'expired'
  | 'superseded'
  | 'failed'
  | 'ready'
  | 'registered';

export interface StateFacts {
  alias: 'champion' | 'challenger' | null;
  /** It was taken back after it had served, or answered a share, for the last time. */
  takenBack: boolean;
  servedBefore: boolean;
  /** Of the run that made it: its outcome, and while it runs its phase as Temporal tells it. */
  run: { state: string; phase: string | null } | null;
  /** Whether its certificate passed; null without one. */
  passed: boolean | null;
}

const outcomes = ['refused', 'inconclusive', 'rejected', 'expired', 'superseded', 'failed'] as const;

/** One word for a version, by what came last. */
export function versionState({ alias, takenBack, servedBefore, run, passed }: StateFacts): VersionState {
  if (alias === 'champion') return 'champion';
  if (alias === 'challenger') return 'canary';
  if (takenBack) return 'rolled_back';
  if (servedBefore) return 'served_before';
  if (run?.state === 'running') return run.phase === 'approve' ? 'waiting' : 'under_way';
  const outcome = outcomes.find((word) => word === run?.state);
  if (outcome !== undefined) return outcome;
  return passed === true ? 'ready' : 'registered';
}
