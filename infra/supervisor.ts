import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../src/errors.ts';
import type { ManagedProcess } from './embedded/process.ts';

export interface Supervised {
  /** Of the process that runs now, or ran last. */
  pid: () => number;
  stop(): Promise<void>;
}

const firstDelayMs = 500;
const longestDelayMs = 5000;
/** One that ran this long was well: the next restart does not wait for the sins of the former. */
const healthyMs = 30_000;

export interface SuperviseOptions {
  name: string;
  first: ManagedProcess;
  start: () => Promise<ManagedProcess>;
  onWarning: (message: string) => void;
  onRestart?: () => void;
}

/** Starts a process again whenever it ends by itself, after a delay that doubles while it keeps ending early. */
export function supervise({ name, first, start, onWarning, onRestart }: SuperviseOptions): Supervised {
  let current = first;
  const stopping = new AbortController();
  const ended = () => stopping.signal.aborted;
  const watching = watch();

  async function watch(): Promise<void> {
    let delayMs = firstDelayMs;
    for (;;) {
      const startedAt = Date.now();
      let problem = await current.exited;
      if (Date.now() - startedAt > healthyMs) delayMs = firstDelayMs;
      for (;;) {
        if (ended()) return;
        onWarning(`${name} ${problem}; starting it again in ${delayMs / 1000} s`);
        await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
        if (ended()) return;
        delayMs = Math.min(delayMs * 2, longestDelayMs);
        try {
          current = await start();
          onRestart?.();
          break;
        } catch (error) {
          problem = `did not start (${errorMessage(error)})`;
        }
      }
      if (ended()) await current.stop();
    }
  }

  return {
    pid: () => current.pid,
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
    },
  };
}
