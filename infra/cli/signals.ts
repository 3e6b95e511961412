const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Aborts at the first request to end: Ctrl-C, `kill`, or a closed terminal. A second one ends this process at once;
 * what it started notices and ends as well.
 */
export function endingSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of endings) {
    process.on(name, () => {
      if (ending.signal.aborted) process.exit(130);
      ending.abort();
    });
  }
  return ending.signal;
}

/** Resolves when `signal` aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
