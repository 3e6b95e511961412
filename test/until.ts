import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

/** Of no test's business: a slow machine needs longer, and one that waits in vain fails all the same. */
export const patienceMs = 180_000;
const lookEveryMs = 50;

/** Waits until `look` answers something, for three minutes at most. */
export async function until<Result>(what: string, look: () => Promise<Result | undefined | false>): Promise<Result> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await sleep(lookEveryMs);
  }
  throw new Error(`waited three minutes in vain until ${what}`);
}

/** Reads until it is what is wanted. What comes by a way of its own is not there yet when something else is. */
export async function eventually<Value>(read: () => Value | Promise<Value>, wanted: Value): Promise<void> {
  let last = await read();
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline && !isDeepStrictEqual(last, wanted);) {
    await sleep(lookEveryMs);
    last = await read();
  }
  assert.deepEqual(last, wanted);
}
