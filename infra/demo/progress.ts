/** The demo's steps, in order; each is timed. */
export type StepName = 'prepare' | 'start' | 'train' | 'healthy' | 'drift' | 'correct' | 'retrain' | 'measure';

export interface Progress {
  /** One line for the person who watches. */
  say(text: string): void;
  /** Runs a step and adds up its time. */
  step<Result>(name: StepName, work: () => Promise<Result>): Promise<Result>;
  /** Seconds of each step so far, and of all, to a tenth. */
  seconds(): Record<string, number>;
}

/** Tells what happens as lines with the seconds since the start. */
export function openProgress(write: (line: string) => void): Progress {
  const started = performance.now();
  const spent = new Map<StepName, number>();
  const secondsSince = (from: number) => (performance.now() - from) / 1000;
  return {
    say(text) {
      write(`${secondsSince(started).toFixed(1).padStart(6)} s  ${text}\n`);
    },
    async step(name, work) {
      const from = performance.now();
      try {
        return await work();
      } finally {
        spent.set(name, (spent.get(name) ?? 0) + secondsSince(from));
      }
    },
    seconds() {
      const round = (value: number) => Math.round(value * 10) / 10;
      const steps = [...spent].map(([name, value]) => [name, round(value)] as const);
      return { total: round(secondsSince(started)), ...Object.fromEntries(steps) };
    },
  };
}
