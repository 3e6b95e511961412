import { isBudget, type Gate } from './config.ts';
import { eachLabel, isLearned, learnedPrefix } from './slices.ts';
import type { CaseResult } from './verdict.ts';

/**
 * Every gate that is asked of a candidate:
 * - the configured ones;
 * - the required ones, budgets aside, that the champion's certificate has cleared and the configuration no longer
 *   names: what the last deploy had to pass, the next one passes too, also where the pack has lost the cases of its
 *   slice. To drop one, name it with `required: false`. Slices that no pack holds come and go with their cases: those of
 *   held-out corrections, which an erasure may empty, and of each completion;
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
  const ofPack = (slice: string) => !isLearned(slice) && slice !== eachLabel;
  const kept = cleared.filter((gate) => gate.required && !isBudget(gate) && ofPack(gate.slice) && !named(gate));
  const slices = new Set(results.map(({ slice }) => slice).filter((slice) => slice.startsWith(learnedPrefix)));
  const learned: Gate[] = [...slices].map((slice) => ({ metric: 'pass_rate', slice, required: true }));
  if (learned.length > 0) learned.push({ metric: 'improvement', slice: 'learned', required: false });
  const labels: Gate[] = results.some(({ label }) => label !== undefined)
    ? [{ metric: 'pass_rate', slice: eachLabel, required: true }]
    : [];
  return [...configured, ...kept, ...[...learned, ...labels].filter((gate) => !named(gate))];
}
