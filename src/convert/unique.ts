import { classifierText, promptMessages, readAnswer } from '../chat.ts';
import { KnownTexts } from './copies.ts';
import type { CorrectedRow } from './rows.ts';

/** A corrected row that does not enter the dataset. */
export interface DroppedRow {
  row: CorrectedRow;
  /**
   * `duplicate`: says the same as `of`, which is kept. `conflict`: answers the same question otherwise than `of`.
   * `contaminated`: a copy of a gold, eval or held-out case.
   */
  because: 'duplicate' | 'conflict' | 'contaminated';
  /** Request id of the row kept in its place. */
  of: string | null;
}

/**
 * One row for what is said several times. The same question (case, white space and the mark at its end do not count) to a
 * model that could call the same tools, with different completions, is a conflict: the completion of most rows wins, of
 * equally many the newest. Near copies of a question with the same completion and tools are duplicates: the oldest stays,
 * so that the next dataset keeps it, too. `rows` are in the order of their corrections.
 */
export function keepUnique(rows: readonly CorrectedRow[]): { kept: CorrectedRow[]; dropped: DroppedRow[] } {
  const dropped: DroppedRow[] = [];
  const agreeing: CorrectedRow[] = [];
  const winners = new Map([...groupBy(rows, questionOf)].map(([question, same]) => [question, winnerOf(same)]));
  for (const row of rows) {
    const winner = winners.get(questionOf(row));
    if (winner === undefined || sayTheSame(row, winner)) agreeing.push(row);
    else dropped.push({ row, because: 'conflict', of: winner.requestId });
  }
  const kept: CorrectedRow[] = [];
  for (const same of groupBy(agreeing, (row) => `${row.tools ?? ''}\n${completionOf(row)}`).values()) {
    const texts = new KnownTexts();
    const originals: CorrectedRow[] = [];
    for (const row of same) {
      const copied = texts.copyOrAdd(classifierText(promptMessages(row.prompt)));
      const original = copied === undefined ? undefined : originals[copied];
      if (original === undefined) originals.push(row);
      else dropped.push({ row, because: 'duplicate', of: original.requestId });
    }
    kept.push(...originals);
  }
  return { kept: kept.sort((one, other) => one.seq - other.seq), dropped };
}

/** The oldest row that says what most rows say; of completions that are said equally often, the newest. */
function winnerOf(same: readonly CorrectedRow[]): CorrectedRow | undefined {
  const said = [...groupBy(same, completionOf).values()];
  const newest = (group: readonly CorrectedRow[]) => group.at(-1)?.seq ?? 0;
  said.sort((one, other) => other.length - one.length || newest(other) - newest(one));
  return said[0]?.[0];
}

function questionOf({ prompt, tools }: CorrectedRow): string {
  const spaced = prompt.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
  return `${tools ?? ''}\n${spaced.replace(/[.!?]+$/, '') || spaced}`;
}

/** What is said; calls of tools without their ids, which are new in each answer. */
function completionOf({ completion }: CorrectedRow): string {
  const said = readAnswer(completion);
  const { tool_calls: calls } = said;
  return calls == null ? completion.trim() : JSON.stringify({ ...said, tool_calls: calls.map(withoutId) });
}

function withoutId(call: unknown): unknown {
  return typeof call === 'object' && call !== null ? { ...call, id: undefined } : call;
}

function sayTheSame(one: CorrectedRow, other: CorrectedRow): boolean {
  return completionOf(one) === completionOf(other);
}

function groupBy(rows: readonly CorrectedRow[], keyOf: (row: CorrectedRow) => string): Map<string, CorrectedRow[]> {
  const groups = new Map<string, CorrectedRow[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
