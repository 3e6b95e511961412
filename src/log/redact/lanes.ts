/** From the first to be served to the last. Where there is no room, the last go first. */
export const turns = ['urgent', 'kept', 'healthy'] as const;
export type Turn = (typeof turns)[number];

export interface Lanes {
  /** Runs work when it is its turn. Rejects with `full` when there is no room for it, or none any more. */
  run<Result>(work: () => Promise<Result>, weight: number, turn: Turn): Promise<Result>;
}

interface Piece {
  weight: number;
  begin: () => void;
  giveUp: () => void;
}

/** Lets `atOnce` pieces of work run at a time and at most `mostWaiting` of weight wait. */
export function createLanes(atOnce: number, mostWaiting: number, full: () => Error): Lanes {
  const waiting: Record<Turn, Piece[]> = { urgent: [], kept: [], healthy: [] };
  const weights: Record<Turn, number> = { urgent: 0, kept: 0, healthy: 0 };
  let running = 0;

  function startNext(): void {
    if (running === atOnce) return;
    for (const turn of turns) {
      const next = waiting[turn].shift();
      if (next === undefined) continue;
      weights[turn] -= next.weight;
      running += 1;
      return next.begin();
    }
  }

  /** Gives up the newest of what is worth less, where that is enough. */
  function makeRoom(weight: number, turn: Turn): boolean {
    const lesser = turns.slice(turns.indexOf(turn) + 1).reverse();
    const lesserWeight = lesser.reduce((sum, lane) => sum + weights[lane], 0);
    let tooMuch = weights.urgent + weights.kept + weights.healthy + weight - mostWaiting;
    if (tooMuch > lesserWeight) return false;
    for (const lane of lesser) {
      while (tooMuch > 0) {
        const last = waiting[lane].pop();
        if (last === undefined) break;
        weights[lane] -= last.weight;
        tooMuch -= last.weight;
        last.giveUp();
      }
    }
    return true;
  }

  return {
    run(work, weight, turn) {
      return new Promise((resolve, reject) => {
        if (running === atOnce && !makeRoom(weight, turn)) return reject(full());
        weights[turn] += weight;
        waiting[turn].push({
          weight,
          begin: () =>
            void work()
              .then(resolve, reject)
              .finally(() => {
                running -= 1;
                startNext();
              }),
          giveUp: () => reject(full()),
        });
        startNext();
      });
    },
  };
}
