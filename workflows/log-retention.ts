import { patched } from '@temporalio/workflow';
import { bulk, quick } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

/**
 * Draws the reservoirs of the hours that have closed, makes the partitions of the coming hours and days, drops those past
 * `hotWindow` and retention, and deletes what was said of rows that are gone.
 */
export async function logRetention(): Promise<{ status: 'done'; dropped: string[] }> {
  showInList({ trigger: 'schedule', phase: 'retention' });
  if (patched('draw-reservoirs')) await bulk.drawReservoirs(); // what is dropped next cannot be drawn from
  const dropped = await quick.rotateLog();
  if (patched('delete-leftovers')) await bulk.deleteLeftovers();
  showOnPage(
    `${dropped.length} partitions dropped`,
    {},
    { tables: [{ title: 'Dropped', head: ['partition'], rows: dropped.map((name) => [name]) }] },
  );
  return { status: 'done', dropped };
}
