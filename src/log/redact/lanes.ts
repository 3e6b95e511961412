export interface Lanes {
  /** Runs work when it is its turn, urgent work first. Undefined: `mostWaiting` is reached. */
  run<Result>(work: () => Promise<Result>, weight: number, urgent: boolean): Promise<Result> | undefined;
}

/** Lets `atOnce` pieces of work run at a time and at most `mostWaiting` of weight wait. */
export function createLanes(atOnce: number, mostWaiting: number): Lanes {
  const urgentLane: (() => void)[] = [];
  const slowLane: (() => void)[] = [];
  let running = 0;
  let waiting = 0;

  function startNext(): void {
    if (running === atOnce) return;
    (urgentLane.shift() ?? slowLane.shift())?.();
  }

  return {
    run(work, weight, urgent) {
      if (waiting + weight > mostWaiting && running === atOnce) return undefined;
      waiting += weight;
      return new Promise((resolve, reject) => {
        (urgent ? urgentLane : slowLane).push(() => {
          running += 1;
          waiting -= weight;
          work()
            .then(resolve, reject)
            .finally(() => {
              running -= 1;
              startNext();
            });
        });
        startNext();
      });
    },
  };
}
