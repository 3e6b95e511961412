/** Work that is done in steps; each `yield` lets requests come between. */
export type Steps = Generator<void, void>;

export interface AfterAnswers {
  /** Takes work to be done after the answer. `weight` is about the bytes it holds in memory. */
  add(steps: Steps, weight: number): void;
  /** Resolves when all that was added so far is done. */
  settle(): Promise<void>;
}

/** A slice of work on the event loop. */
const sliceMs = 0.5;
/** Above either, whoever adds work does a slice of it at once: memory is bounded, and no row is lost to haste. */
const mostWaiting = 2000;
const mostWeight = 64 * 2 ** 20;

/** Does work between requests, in order and in slices of under a millisecond. Work handles its own failures. */
export function openAfterAnswers(): AfterAnswers {
  let queue: { steps: Steps; weight: number }[] = [];
  let done = 0; // of those in `queue`
  let weight = 0;
  let scheduled = false;
  let settled: (() => void)[] = [];

  function doSlice(): void {
    const end = performance.now() + sliceMs;
    do {
      const next = queue[done];
      if (next === undefined) break;
      if (next.steps.next().done !== true) continue;
      weight -= next.weight;
      done += 1;
    } while (performance.now() < end);
    if (done < queue.length && done < 1000) return;
    queue = queue.slice(done);
    done = 0;
    if (queue.length > 0) return;
    for (const resolve of settled) resolve();
    settled = [];
  }

  function schedule(): void {
    if (scheduled || queue.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      doSlice();
      schedule();
    });
  }

  return {
    add(steps, itsWeight) {
      queue.push({ steps, weight: itsWeight });
      weight += itsWeight;
      if (queue.length - done > mostWaiting || weight > mostWeight) doSlice();
      schedule();
    },
    settle() {
      if (queue.length === 0) return Promise.resolve();
      return new Promise((resolve) => settled.push(resolve));
    },
  };
}
