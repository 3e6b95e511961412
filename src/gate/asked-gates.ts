import { isBudget, type Gate } from './config.ts';
import { eachLabel, inSlice, isLearned, learnedPrefix } from './slices.ts';
import type { CaseResult } from './verdict.ts';

/**
 * Every gate that is asked of a candidate:
 * - the configured ones;
 * - the required ones, budgets aside, that the champion's certificate has cleared and the configuration no longer
 *   names, where the pack still holds their slice: what the last deploy had to pass, the next one passes too. To drop
 *   one, name it with `required: false`;
 * - what production taught before: each slice of held-out corrections at the default margin, required once it has enough
 *   cases, and the improvement on all of them, which is told;
 * - of a classifier, that no single completion of the pack is lost.
 */
export function askedGates(
  configured: readonly Gate[],
  cleared: readonly Gate[],
  results: readonly CaseResult[],
): Gate[] {
  const named = (gate: Gate) => configured.some(({ metric, slice }) => metric === gate.metric && slice === gate.slice);
  const held = (slice: string) => results.some((result) => inSlice(result.slice, slice));
  const kept = cleared.filter(
    (gate) => gate.required && !isBudget(gate) && !isLearned(gate.slice) && !named(gate) && held(gate.slice),
  );
  const slices = new Set(results.map(({ slice }) => slice).filter((slice) => slice.startsWith(learnedPrefix)));
  const learned: Gate[] = [...slices].map((slice) => ({ metric: 'pass_rate', slice, required: true }));
  if (learned.length > 0) learned.push({ metric: 'improvement', slice: 'learned', required: false });
  const labels: Gate[] = results.some(({ label }) => label !== undefined)
    ? [{ metric: 'pass_rate', slice: eachLabel, required: true }]
    : [];
  return [...configured, ...kept, ...[...learned, ...labels].filter((gate) => !named(gate))];
}
