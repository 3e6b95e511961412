import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, RelearnError } from '../../src/errors.ts';

export interface Wait {
  /** What is waited for, as in "Waited 60 s for …". */
  what: string;
  timeoutMs: number;
  everyMs?: number;
  signal: AbortSignal;
}

/**
 * Asks again until `ask` answers something else than undefined. A failure counts as "not yet": a worker may have been
 * killed and be on its way back. Throws `stack_failed` when the time is up, with the last failure.
 */
export async function waitFor<Result>(
  { what, timeoutMs, everyMs = 200, signal }: Wait,
  ask: () => Promise<Result | undefined>,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs;
  let problem = '';
  for (;;) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      problem = '';
    } catch (error) {
      if (error instanceof StoryEnded) throw error;
      problem = ` Last problem: ${errorMessage(error)}`;
    }
    if (performance.now() > deadline) {
      throw new RelearnError('stack_failed', `Waited ${Math.round(timeoutMs / 1000)} s for ${what}.${problem}`);
    }
    await sleep(everyMs, undefined, { signal });
  }
}

/** The demo's story took another turn than to a promotion: waiting longer changes nothing. */
export class StoryEnded extends RelearnError {
  constructor(reason: string) {
    super('stack_failed', reason);
  }
}
