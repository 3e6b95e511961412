import type { Gate } from './config.ts';
import { defaultMargin, minimumCases } from './decide-gate.ts';
import { z95 } from './paired.ts';
import { eachLabel, inSlice, isLearned } from './slices.ts';

/** Share of cases on which two versions of a model usually disagree. */
const usualDiscordance = 0.08;

/**
 * Warns of gates that cannot do what they seem to: of slices the pack does not hold; of margins so narrow for their slice
 * that a candidate as good as the champion would be refused in half of the runs or more, at the usual discordance; and of
 * slices too small for the default margin. Normal approximation: at `usualDiscordance * (z / margin)^2` cases the expected
 * lower bound of an equal candidate lies just at the margin.
 */
export function gateWarnings(gates: readonly Gate[], cases: readonly { slice: string }[]): string[] {
  return gates.flatMap((gate) => {
    const warning = isLearned(gate.slice) || gate.slice === eachLabel ? undefined : warningOf(gate, cases);
    return warning === undefined ? [] : [`Gate on slice ${gate.slice}: ${warning}`];
  });
}

function warningOf({ metric, slice, required, min, maxDrop }: Gate, cases: readonly { slice: string }[]) {
  if (metric === 'size_mb') return undefined;
  const held = cases.filter((one) => inSlice(one.slice, slice)).length;
  if (held === 0) return 'the eval pack holds no case of it.';
  if (!required || (metric !== 'pass_rate' && metric !== 'score')) return undefined;
  if (maxDrop === 0) return 'maxDrop 0 refuses most equal candidates.';
  if (maxDrop === undefined && min !== undefined) return undefined;
  if (maxDrop === undefined && held < minimumCases) {
    return `${held} cases are too few for the usual margin of ${defaultMargin}, so it is advisory; wanted ${minimumCases} cases, or a maxDrop of its own.`;
  }
  const margin = maxDrop ?? defaultMargin;
  const wanted = Math.ceil(usualDiscordance * (z95 / margin) ** 2);
  if (held >= wanted) return undefined;
  const told = maxDrop === undefined ? `the usual margin of ${margin}` : `maxDrop ${margin}`;
  return `with ${held} cases an equal candidate fails ${told} in most runs; wanted ${wanted} cases, or a wider maxDrop.`;
}
