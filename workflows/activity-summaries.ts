import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { clipSummary } from '../src/temporal.ts';

/** Fields of an activity's input that tell it from others of its name: ids, words and numbers, never text. */
const told = ['cases', 'version', 'incident', 'state', 'status', 'run', 'n', 'share', 'part', 'tag'];

/** What the Temporal UI says beside an activity's name, such as `gold, v2`. */
export function summariseActivity([input]: readonly unknown[]): string {
  if (typeof input !== 'object' || input === null) return '';
  const fields = new Map<string, unknown>(Object.entries(input));
  const words = told.flatMap((name) => {
    const value = fields.get(name);
    if (name === 'share' && typeof value === 'number') return [`${Math.round(value * 100)} % of the traffic`];
    if (typeof value === 'number') return [`${name} ${value}`];
    return typeof value === 'string' && value !== '' ? [value] : [];
  });
  const corrections = fields.get('corrections');
  const trigger = fields.get('trigger');
  return clipSummary(
    [
      ...words,
      ...(Array.isArray(corrections) ? [`${corrections.length} corrected`] : []),
      ...(typeof trigger === 'object' && trigger !== null && 'kind' in trigger ? [String(trigger.kind)] : []),
    ].join(', '),
  );
}

/** Gives each activity a summary. Summaries are no part of what a replay compares. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [
    {
      async scheduleActivity(input, next) {
        const summary = summariseActivity(input.args);
        return next(summary === '' ? input : { ...input, options: { summary, ...input.options } });
      },
    },
  ],
});
