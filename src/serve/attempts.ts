import { setTimeout as sleep } from 'node:timers/promises';
import { signalOf, type Caller } from './caller.ts';

export interface Patience {
  /** Repeats after the first attempt. */
  retries: number;
  /** Until the answer begins, all attempts and waits together. */
  timeoutMs: number;
}

interface Asked {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
  /** Of an answer that is not read whole: has to be thrown away. */
  body?: { dump(): Promise<void> };
}

const firstWaitMs = 100;
/** Errors that come before the request has left: nothing was done, so it may be sent again. */
const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Asks an endpoint, and again after what is safe to repeat: no connection, 429 and 503. Waits as long as `retry-after`
 * says, or twice as long each time; what does not fit into the timeout is not waited for.
 */
export async function askWithRetries<Response extends Asked>(
  ask: (headersTimeout: number) => Promise<Response>,
  { retries, timeoutMs }: Patience,
  caller: Caller,
): Promise<Response> {
  const deadline = performance.now() + timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    let waitMs = firstWaitMs * 2 ** attempt * (0.5 + Math.random() / 2);
    const mayRepeat = () => attempt < retries && !caller.gone && performance.now() + waitMs < deadline;
    try {
      // One timeout for all first attempts: another for each would cost each its own timer.
      const headersTimeout = attempt === 0 ? timeoutMs : Math.max(1, deadline - performance.now());
      const response = await ask(headersTimeout);
      if (response.statusCode !== 429 && response.statusCode !== 503) return response;
      waitMs = retryAfterMs(response.headers) ?? waitMs;
      if (!mayRepeat()) return response;
      await response.body?.dump();
    } catch (error) {
      if (!notSent.has(codeOf(error)) || !mayRepeat()) throw error;
    }
    await sleep(waitMs, undefined, { signal: signalOf(caller) });
  }
}

/** The code of a network error, or "no code". */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
}

/** The header `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110). */
function retryAfterMs(headers: Record<string, string | string[] | undefined>): number | undefined {
  const exact = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (exact >= 0) return exact;
  const given = headers['retry-after'];
  if (typeof given !== 'string' || given === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(given) ? Number(given) * 1000 : Date.parse(given) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
