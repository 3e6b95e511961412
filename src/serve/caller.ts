/** Whoever waits for an answer and may hang up. An AbortSignal for each request would cost more than all else it needs. */
export interface Caller {
  gone: boolean;
  /** Called when the caller hangs up. One at a time: what is under way now. */
  onGone: (() => void) | undefined;
}

export function newCaller(): Caller {
  return { gone: false, onGone: undefined };
}

export function hangUp(caller: Caller): void {
  caller.gone = true;
  caller.onGone?.();
}

/** Runs `work` for a caller that hangs up when the signal says so. */
export async function callerOf<Result>(
  signal: AbortSignal | undefined,
  work: (caller: Caller) => Promise<Result>,
): Promise<Result> {
  const caller = newCaller();
  if (signal === undefined) return work(caller);
  signal.throwIfAborted();
  const onAbort = (): void => hangUp(caller);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(caller);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A signal for what needs one. */
export function signalOf(caller: Caller): AbortSignal {
  const controller = new AbortController();
  if (caller.gone) controller.abort();
  caller.onGone = () => controller.abort();
  return controller.signal;
}
