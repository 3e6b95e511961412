import { createHash } from 'node:crypto';
import { foldText } from './copies.ts';

/** The share of production rows that is never trained on: it asks, later, whether the lesson was learned. */
const heldOutShare = 0.1;

/**
 * The split of a row by its prompt. Stable, so that retrain n+1 holds out what retrain n did; and the same question
 * asked twice falls on one side, so that nothing held out is trained on under another request id.
 */
export function splitOf(prompt: string): 'train' | 'held_out' {
  const fraction = createHash('sha256').update(foldText(prompt)).digest().readUInt32BE(0) / 2 ** 32;
  return fraction < heldOutShare ? 'held_out' : 'train';
}
