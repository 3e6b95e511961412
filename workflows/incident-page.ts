import type { CorrectionInbox } from './correction-inbox.ts';
import type { Carried, DriftResponseInput, DriftResponseState } from './drift-response.ts';
import type { Link, Page } from './page.ts';

/** What the page of a driftResponse shows of it. */
export interface IncidentView extends Pick<DriftResponseState, 'rows' | 'corrected' | 'counted' | 'disagreements'> {
  input: DriftResponseInput;
  state: Carried;
  inbox: CorrectionInbox;
  console?: string | undefined;
}

/** What it waits for, how far it is, and what a person may do now. `ended` is said instead of what it waits for. */
export function incidentPage({ input, state, inbox, console, ...rows }: IncidentView, ended?: string): Page {
  const { model, incident, monitor, deadlineAt } = input;
  const { phase, target, lastRetrain } = state;
  const percent = Math.min(100, Math.floor((100 * rows.counted) / Math.max(target, 1)));
  const collecting = ended === undefined && phase === 'collecting';
  return {
    says: `${model}: ${ended ?? describeWait(state, rows.counted)}`,
    facts: {
      ...{ incident, monitor },
      ...(collecting ? { 'closes unanswered': new Date(deadlineAt).toISOString() } : {}),
      ...(lastRetrain === null ? {} : { 'last retrain': `run ${lastRetrain.run} ended ${lastRetrain.status}` }),
    },
    tables: [
      {
        title: 'Corrections',
        head: ['rows', 'count'],
        rows: [
          ['of the incident', rows.rows],
          ['corrected', rows.corrected],
          ['to something else: these count', `${rows.counted} of ${target} (${percent} %)`],
          ['people disagree', rows.disagreements],
          ['sent twice', inbox.repeated],
          ['ignored', inbox.ignored === 0 ? 0 : `${inbox.ignored}, last: ${inbox.problems.at(-1) ?? '–'}`],
        ],
      },
    ],
    next: nextSteps(model, incident, ended === undefined ? phase : 'closed'),
    console,
  };
}

function nextSteps(model: string, incident: string, phase: Carried['phase']): Link[] {
  const page = ['incidents', incident];
  if (phase === 'collecting') {
    return [
      { text: 'correct the next rows', to: ['review', model] },
      { text: 'retrain early, or close it', to: page },
    ];
  }
  const versions = { text: 'versions', to: ['versions', model] };
  return phase === 'closed'
    ? [{ text: 'the incident', to: page }, versions]
    : [versions, { text: 'the incident', to: page }];
}

function describeWait({ phase, target, graceUntil }: Carried, counted: number): string {
  if (phase === 'collecting') return `waiting for corrections, ${counted} of ${target}`;
  if (phase === 'retraining') return 'waiting for the retrain; corrections are still taken';
  if (phase === 'grace')
    return `a version that learned from it serves; resolved at ${new Date(graceUntil).toISOString()}`;
  return phase;
}
