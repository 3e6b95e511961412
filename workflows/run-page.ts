import type { Judgement } from '../activities/gate.ts';
import type { Link, Page, Table } from './page.ts';
import type { RetrainRunState } from './retrain-run.ts';
import { describeTriggers } from './triggers.ts';

/** What the page of a retrainRun shows beside its state. */
export interface RunView {
  /** Rows of the dataset. */
  rows?: number;
  judgement?: Judgement;
  /** The latest verdict on each share of the traffic, by share. */
  shares: Map<number, string>;
  console?: string | undefined;
}

export function runPage(state: RetrainRunState, view: RunView, says: string): Page {
  const { model, run, champion, candidate, dataset, triggers } = state;
  const rows = view.rows === undefined ? '' : `, ${view.rows} corrected rows`;
  return {
    says: `${model}: ${says}`,
    facts: {
      ...{ run, triggers: describeTriggers(triggers), champion: champion ?? '–', candidate: candidate ?? '–' },
      dataset: dataset === null ? '–' : `${dataset.slice(0, 12)}${rows}`,
    },
    tables: [...gatesTable(view.judgement), ...sharesTable(view.shares)],
    next: nextSteps(state),
    console: view.console,
  };
}

function gatesTable(judgement: Judgement | undefined): Table[] {
  const { gates = [], moreGates = 0 } = judgement ?? {};
  if (gates.length === 0) return [];
  const more = moreGates === 0 ? [] : [[`${moreGates} more`, '', 'in the certificate']];
  return [
    {
      title: 'Required gates',
      head: ['gate', 'outcome', 'because'],
      rows: [...gates.map(({ gate, outcome, reason }) => [gate, outcome, reason]), ...more],
    },
  ];
}

function sharesTable(shares: ReadonlyMap<number, string>): Table[] {
  const rows = [...shares].map(([share, verdict]) => [`${Math.round(share * 100)} %`, verdict]);
  return rows.length === 0 ? [] : [{ title: 'Rollout', head: ['of the traffic', 'latest look'], rows }];
}

function nextSteps({ phase, model }: RetrainRunState): Link[] {
  const to = ['versions', model];
  if (phase === 'approve') return [{ text: 'approve or reject it', to }];
  if (phase === 'canary') return [{ text: 'watch it, or roll it back', to }];
  if (phase === 'refused' || phase === 'inconclusive') {
    return [
      { text: 'its certificate', to },
      { text: 'correct more rows', to: ['review', model] },
    ];
  }
  return [{ text: 'versions', to }];
}
