import { defineQuery, patched, setHandler } from '@temporalio/workflow';
import { bulk, quick } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

interface LogRetentionState {
  phase: 'retention' | 'done';
  /** Partitions, by name. */
  dropped: string[];
}

export const logRetentionState = defineQuery<LogRetentionState>('state');

/**
 * Draws the reservoirs of the hours that have closed, makes the partitions of the coming hours and days, drops those past
 * `hotWindow` and retention, and deletes what was said of rows that are gone.
 */
export async function logRetention(): Promise<{ status: 'done'; dropped: string[] }> {
  const state: LogRetentionState = { phase: 'retention', dropped: [] };
  setHandler(logRetentionState, () => state, { description: 'Phase and the partitions dropped' });
  showInList({ trigger: 'schedule', phase: state.phase });
  showOnPage('drawing what to keep, then dropping what is past its time', {});

  if (patched('draw-reservoirs')) await bulk.drawReservoirs(); // what is dropped next cannot be drawn from
  const dropped = await quick.rotateLog();
  state.dropped = dropped;
  if (patched('delete-leftovers')) await bulk.deleteLeftovers();
  state.phase = 'done';
  if (patched('closing-phase')) showInList({ phase: state.phase });
  showOnPage(
    `${dropped.length} partitions dropped`,
    {},
    { tables: [{ title: 'Dropped', head: ['partition'], rows: dropped.map((name) => [name]) }] },
  );
  return { status: 'done', dropped };
}
