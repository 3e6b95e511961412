import type { Gate } from '../config.ts';
import { wholePack } from './pack.ts';
import { z95 } from './paired.ts';

/** Share of cases on which two versions of a model usually disagree. */
const usualDiscordance = 0.08;

/**
 * Warns of margins so narrow for their slice that a candidate as good as the champion would be refused in half of the
 * runs or more, at the usual discordance. Normal approximation: at `usualDiscordance * (z / margin)^2` cases the
 * expected lower bound of an equal candidate lies just at the margin.
 */
export function gateWarnings(gates: readonly Gate[], cases: readonly { slice: string }[]): string[] {
  return gates.flatMap(({ slice, maxDrop, required }) => {
    if (!required || maxDrop === undefined || maxDrop === 0) {
      return maxDrop === 0 && required ? [`Gate on slice ${slice}: maxDrop 0 refuses most equal candidates.`] : [];
    }
    const held = slice === wholePack ? cases.length : cases.filter((one) => one.slice === slice).length;
    const wanted = Math.ceil(usualDiscordance * (z95 / maxDrop) ** 2);
    if (held >= wanted) return [];
    return [
      `Gate on slice ${slice}: with ${held} cases an equal candidate fails maxDrop ${maxDrop} in most runs; wanted ${wanted} cases, or a wider margin.`,
    ];
  });
}
