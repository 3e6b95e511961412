import type { z } from 'zod';
import type { overviewResponse } from './console-schemas.ts';

type Overview = z.output<typeof overviewResponse>['models'][number];
export type Step = Overview['steps'][number];

interface Facts {
  champion: { version: string } | null;
  challenger: { version: string; share: number } | null;
  incident: { state: string; text: string } | null;
  run: { n: number; state: string; phase: string | null; candidate: string | null } | null;
  waiting: number;
  monitors: readonly { monitor: string; state: string }[];
  requests: number;
}

const training = new Set(['plan', 'dataset', 'train']);

/** The ring of the loop: for each step what it counts, and what it does or waits for. */
export function describeSteps(facts: Facts): Step[] {
  return [serve(facts), watch(facts), correct(facts), retrain(facts), gate(facts), promote(facts)];
}

function serve({ champion, requests }: Facts): Step {
  const count = `${requests.toLocaleString('en')} requests`;
  if (champion === null) return { step: 'serve', state: 'waiting', count, says: 'waits for a first version' };
  return { step: 'serve', state: 'active', count, says: `${champion.version} answers; requests of the last day` };
}

function watch({ monitors, incident }: Facts): Step {
  const drifting = monitors.filter(({ state }) => state === 'drift').map(({ monitor }) => monitor);
  const clean = monitors.filter(({ state }) => state === 'clean').length;
  const count = `${clean} of ${monitors.length} clean`;
  if (monitors.length === 0) return { step: 'watch', state: 'unknown', count: 'no verdict', says: 'waits for a look' };
  if (drifting.length > 0) return { step: 'watch', state: 'active', count, says: `drift: ${drifting.join(', ')}` };
  if (incident !== null) return { step: 'watch', state: 'active', count, says: `an incident is ${incident.state}` };
  const unknown = monitors.length > clean;
  return {
    step: 'watch',
    state: unknown ? 'unknown' : 'idle',
    count,
    says: unknown ? 'some cannot tell' : 'all is well',
  };
}

function correct({ incident, waiting }: Facts): Step {
  const count = incident?.text ?? `${waiting.toLocaleString('en')} rows`;
  if (waiting === 0) return { step: 'correct', state: 'idle', count, says: 'nothing waits for a correction' };
  const says = `${waiting.toLocaleString('en')} rows wait for a person`;
  return { step: 'correct', state: 'waiting', count, says };
}

function retrain({ run }: Facts): Step {
  const count = run === null ? 'no run' : `run ${run.n}`;
  if (run === null) return { step: 'retrain', state: 'idle', count, says: 'waits for corrections' };
  if (run.state !== 'running') {
    return { step: 'retrain', state: 'idle', count, says: `ended ${run.state.replaceAll('_', ' ')}` };
  }
  if (run.phase === null) return { step: 'retrain', state: 'unknown', count, says: 'Temporal does not answer' };
  if (training.has(run.phase)) return { step: 'retrain', state: 'active', count, says: `under way: ${run.phase}` };
  return { step: 'retrain', state: 'idle', count, says: `made ${run.candidate ?? 'a version'}` };
}

function gate({ run }: Facts): Step {
  const candidate = run?.candidate ?? 'a candidate';
  if (run?.state === 'running' && run.phase === 'eval') {
    return { step: 'gate', state: 'active', count: candidate, says: 'the eval pack is being run' };
  }
  if (run?.state === 'running' && run.phase === 'approve') {
    return {
      step: 'gate',
      state: 'waiting',
      count: candidate,
      says: `${candidate} passed; waits for a person to approve`,
    };
  }
  const refused = run !== null && ['refused', 'inconclusive', 'rejected'].includes(run.state);
  return {
    step: 'gate',
    state: 'idle',
    count: refused ? run.state : '–',
    says: refused ? `run ${run.n} ended there` : 'waits for a candidate',
  };
}

function promote({ challenger, champion }: Facts): Step {
  const count = champion?.version ?? '–';
  if (challenger === null) return { step: 'promote', state: 'idle', count, says: 'waits for a version that passed' };
  const percent = Math.round(challenger.share * 100);
  return {
    step: 'promote',
    state: 'active',
    count: `${percent} %`,
    says: `${challenger.version} answers ${percent} %`,
  };
}
