import type { z } from 'zod';
import type { overviewResponse } from './console-schemas.ts';

type Overview = z.output<typeof overviewResponse>['models'][number];
export type Step = Overview['steps'][number];

interface Facts {
  champion: { version: string } | null;
  challenger: { version: string; share: number } | null;
  incident: { state: string; counted: number; wanted: number; text: string } | null;
  run: { n: number; state: string; phase: string | null; candidate: string | null } | null;
  waiting: number;
  monitors: readonly { monitor: string; state: string }[];
  requests: number;
}

/** The phases of a retrain run before its gates, as people say them. */
const training = new Map([
  ['plan', 'reads gates and champion'],
  ['dataset', 'converts corrections to a dataset'],
  ['train', 'trains a candidate'],
]);

/** The ring of the loop: for each step what it counts, and what it does or waits for. */
export function describeSteps(facts: Facts): Step[] {
  return [log(facts), watch(facts), correct(facts), retrain(facts), gate(facts), promote(facts)];
}

/** Where the loop is: the furthest step that something happens in or waits at; its log while all is calm. */
export function currentStep(steps: readonly Step[]): Step['step'] | null {
  const busy = steps.filter(({ step, state }) => step !== 'log' && ['active', 'waiting', 'alarm'].includes(state));
  return busy.at(-1)?.step ?? steps.find(({ state }) => state === 'active')?.step ?? null;
}

function log({ champion, requests }: Facts): Step {
  const count = counted(requests, 'request', 'requests');
  if (champion === null) return { step: 'log', state: 'waiting', count, says: 'waits for a first version to deploy' };
  if (requests === 0) return { step: 'log', state: 'idle', count, says: 'waits for traffic, none in 24 h' };
  return { step: 'log', state: 'active', count, says: `in 24 h, answered by ${champion.version}` };
}

function watch({ monitors, incident }: Facts): Step {
  const of = (wanted: string) =>
    monitors.filter(({ state }) => state === wanted).map(({ monitor }) => monitor.replaceAll('_', ' '));
  const [drifting, down, clean] = [of('drift'), of('down'), of('clean')];
  const count = `${clean.length} of ${monitors.length} clean`;
  if (monitors.length === 0) {
    return { step: 'watch', state: 'unknown', count: 'no verdict', says: 'waits for the first look' };
  }
  if (drifting.length > 0) return { step: 'watch', state: 'alarm', count, says: `drift: ${drifting.join(', ')}` };
  if (down.length > 0) return { step: 'watch', state: 'alarm', count, says: `no answer: ${down.join(', ')}` };
  if (incident !== null) {
    const says = incident.state === 'grace' ? 'an incident is in its grace time' : `an incident is ${incident.state}`;
    return { step: 'watch', state: 'active', count, says };
  }
  if (monitors.length > clean.length)
    return { step: 'watch', state: 'unknown', count, says: 'the others need more data' };
  return { step: 'watch', state: 'idle', count, says: 'waits for the next look' };
}

function correct({ incident, waiting }: Facts): Step {
  const rows = counted(waiting, 'row', 'rows');
  const count = incident?.text ?? rows;
  const missing = incident === null ? 0 : incident.wanted - incident.counted;
  if (incident?.state === 'collecting' && missing > 0) {
    const says = `waits for ${missing.toLocaleString('en')} more; ${rows} queued`;
    return { step: 'correct', state: 'waiting', count, says };
  }
  if (waiting === 0) return { step: 'correct', state: 'idle', count, says: 'nothing to correct' };
  return {
    step: 'correct',
    state: 'waiting',
    count,
    says: incident === null ? 'wait for a person' : `${rows} queued`,
  };
}

function retrain({ run }: Facts): Step {
  const count = run === null ? 'no run yet' : `run ${run.n}`;
  if (run === null) return { step: 'retrain', state: 'idle', count, says: 'waits for corrections' };
  if (run.state !== 'running') {
    return { step: 'retrain', state: 'idle', count, says: `${run.state.replaceAll('_', ' ')}; waits for corrections` };
  }
  if (run.phase === null) return { step: 'retrain', state: 'unknown', count, says: 'Temporal does not answer' };
  const doing = training.get(run.phase);
  if (doing !== undefined) return { step: 'retrain', state: 'active', count, says: doing };
  return { step: 'retrain', state: 'idle', count, says: `made ${run.candidate ?? 'a version'}` };
}

function gate({ run }: Facts): Step {
  const candidate = run?.candidate ?? 'a candidate';
  if (run?.state === 'running' && run.phase === 'eval') {
    return { step: 'gate', state: 'active', count: candidate, says: 'runs the eval pack' };
  }
  if (run?.state === 'running' && run.phase === 'approve') {
    return { step: 'gate', state: 'waiting', count: candidate, says: 'passed; waits for a person to approve' };
  }
  const refused = run !== null && ['refused', 'inconclusive', 'rejected', 'expired'].includes(run.state);
  if (refused) return { step: 'gate', state: 'idle', count: run.state, says: `run ${run.n} ended here` };
  return { step: 'gate', state: 'idle', count: 'none', says: 'waits for a candidate' };
}

function promote({ challenger, champion }: Facts): Step {
  if (challenger === null) {
    const count = champion?.version ?? 'none';
    return { step: 'promote', state: 'idle', count, says: 'waits for a version that passed' };
  }
  const count = `${challenger.version} at ${Math.round(challenger.share * 100)} %`;
  return { step: 'promote', state: 'active', count, says: 'on trial beside the champion' };
}

function counted(number: number, one: string, many: string): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
