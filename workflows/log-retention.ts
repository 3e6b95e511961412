import { quick } from './activity-options.ts';
import { showInList } from './operator-view.ts';

/** Makes the partitions of the coming hours and days, and drops those past `hotWindow` and retention. */
export async function logRetention(): Promise<{ status: 'done'; dropped: string[] }> {
  showInList({ trigger: 'schedule', phase: 'retention' });
  const dropped = await quick.rotateLog();
  return { status: 'done', dropped };
}
