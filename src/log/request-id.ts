import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const form = /^chatcmpl-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Random bytes are asked for in bulk: a call for sixteen costs as much as one for thousands. */
const pool = new Uint8Array(4096);
let used = pool.length;

function takeRandom(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}

/** A request id in the form OpenAI's clients know, unique and ordered by time (UUIDv7, RFC 9562). */
export function newRequestId(at: Date = new Date()): string {
  return `chatcmpl-${v7({ msecs: at.getTime(), random: takeRandom() })}`;
}

/** The time a request id was made at, which is the `ts` of its row; null for ids that others made. */
export function requestTime(requestId: string): Date | null {
  const parts = form.exec(requestId);
  if (parts === null) return null;
  return new Date(Number.parseInt(`${parts[1] ?? ''}${parts[2] ?? ''}`, 16));
}
