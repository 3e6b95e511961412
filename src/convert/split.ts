import { createHash } from 'node:crypto';

/** The share of production rows that is never trained on: it asks, later, whether the lesson was learned. */
const heldOutShare = 0.1;

/** The split of a row: stable by request id, so that retrain n+1 holds out what retrain n did. */
export function splitOf(requestId: string): 'train' | 'held_out' {
  const fraction = createHash('sha256').update(requestId).digest().readUInt32BE(0) / 2 ** 32;
  return fraction < heldOutShare ? 'held_out' : 'train';
}
