import type { ApplicationFailure } from '@temporalio/workflow';

/** A promotion that came too late: another one was first, or rows that the version learned from were erased. */
export function isOvertaken({ type }: ApplicationFailure): boolean {
  return type === 'promotion_conflict' || type === 'version_tainted';
}
