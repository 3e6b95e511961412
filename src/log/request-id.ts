import { createHash, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const form = /^chatcmpl-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// Asked of the system for 512 ids at once: one by one it costs more than the rest of an id.
const randomBytes = new Uint8Array(512 * 16);
let usedBytes = randomBytes.length;

function nextRandom(): Uint8Array {
  if (usedBytes === randomBytes.length) {
    randomFillSync(randomBytes);
    usedBytes = 0;
  }
  usedBytes += 16;
  return randomBytes.subarray(usedBytes - 16, usedBytes);
}

/** A request id in the form OpenAI's clients know, unique and ordered by time (UUIDv7, RFC 9562). */
export function newRequestId(at: Date = new Date()): string {
  return `chatcmpl-${v7({ msecs: at.getTime(), random: nextRandom() })}`;
}

/** The same id for the same time and name: what is answered again by a step that runs twice is one row. */
export function namedRequestId(at: Date, name: string): string {
  return `chatcmpl-${v7({ msecs: at.getTime(), random: createHash('sha256').update(name).digest() })}`;
}

/** The time a request id was made at, which is the `ts` of its row; null for ids that others made. */
export function requestTime(requestId: string): Date | null {
  const parts = form.exec(requestId);
  if (parts === null) return null;
  return new Date(Number.parseInt(`${parts[1] ?? ''}${parts[2] ?? ''}`, 16));
}
