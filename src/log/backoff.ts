export interface Backoff {
  /** Whether it is too early to try again. */
  away(): boolean;
  /** Notes a failure and returns the wait in ms: twice as long each time, to a limit. */
  fail(): number;
  succeed(): void;
  /** Lets the next try be at once. */
  hurry(): void;
  /** Milliseconds until the next try. */
  waitMs(): number;
}

const firstMs = 100;
const lastMs = 5000;

/** When to ask a database again that does not answer. */
export function createBackoff(): Backoff {
  let retryMs = 0;
  let retryAt = 0;
  return {
    away: () => Date.now() < retryAt,
    fail() {
      retryMs = Math.min(Math.max(retryMs * 2, firstMs), lastMs);
      retryAt = Date.now() + retryMs;
      return retryMs;
    },
    succeed: () => void ([retryMs, retryAt] = [0, 0]),
    hurry: () => void (retryAt = 0),
    waitMs: () => Math.max(0, retryAt - Date.now()),
  };
}
