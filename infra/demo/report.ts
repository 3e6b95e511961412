import Table from 'cli-table3';
import type { GateView } from './review-api.ts';

/** What `relearn demo --json` prints, as one line. Accuracies are shares from 0 to 1. */
export interface DemoResult {
  promoted: true;
  versions: { before: string; after: string };
  /** Corrected rows of the incident that counted: the person's answer differs from the model's. */
  corrections: number;
  /** The monitor that fired, and how many drifted requests had been answered by then. */
  detection: { monitor: string; requests: number };
  groups: { name: string; rows: number; before: number; after: number }[];
  /** Of all, and of each step. */
  seconds: Record<string, number>;
}

export interface DemoFigures extends DemoResult {
  /** Requests in the log, rows of the incident, and rows of it that were answered, where the model was right included. */
  logged: number;
  tagged: number;
  answered: number;
  gates: GateView[];
}

/** The demo's last words: quality before and after, and what the loop did in between. */
export function formatReport(figures: DemoFigures): string {
  const { versions, detection, groups, seconds, gates } = figures;
  const quality = new Table({
    head: ['accuracy on', 'rows', `before (${versions.before})`, `after (${versions.after})`, 'change'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { name, rows, before, after } of groups) {
    quality.push([name, rows, percent(before), percent(after), points(after - before)]);
  }
  const { total, ...steps } = seconds;
  const facts = new Table({ style: { head: [], border: [] }, colWidths: [16, 84], wordWrap: true });
  facts.push(
    ['drift seen by', `${detection.monitor}, after ${detection.requests} drifted requests`],
    ['rows', `${figures.logged} logged, ${figures.tagged} tagged, ${figures.answered} reviewed`],
    ['corrections', `${figures.corrections} rows where the model was wrong`],
    ['gates', gates.map(({ metric, slice, outcome }) => `${metric} on ${slice}: ${outcome}`).join('\n') || 'none'],
    ['versions', `${versions.before} -> ${versions.after}`],
    [
      'seconds',
      `${total} in all: ${Object.entries(steps)
        .map(([name, spent]) => `${name} ${spent}`)
        .join(', ')}`,
    ],
  );
  return `${quality.toString()}\n${facts.toString()}\n`;
}

/** Exactly the fields of the contract. */
export function toJson({ promoted, versions, corrections, detection, groups, seconds }: DemoFigures): DemoResult {
  return { promoted, versions, corrections, detection, groups, seconds };
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const points = (change: number) => `${change >= 0 ? '+' : ''}${(change * 100).toFixed(1)}`;
