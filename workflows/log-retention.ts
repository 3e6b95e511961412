import { patched } from '@temporalio/workflow';
import { bulk, quick } from './activity-options.ts';
import { showInList } from './operator-view.ts';

/**
 * Draws the reservoirs of the hours that have closed, makes the partitions of the coming hours and days, and drops those
 * past `hotWindow` and retention.
 */
export async function logRetention(): Promise<{ status: 'done'; dropped: string[] }> {
  showInList({ trigger: 'schedule', phase: 'retention' });
  if (patched('draw-reservoirs')) await bulk.drawReservoirs(); // what is dropped next cannot be drawn from
  const dropped = await quick.rotateLog();
  return { status: 'done', dropped };
}
