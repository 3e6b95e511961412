/** An answer is used again for so many times as long as it took: reviewers share what is dear. */
const factor = 20;
/** And no longer: who looks again after ten seconds sees what came since. */
const mostMs = 5000;
/** What takes less is asked each time. */
const cheapMs = 10;
const mostKnown = 100;

interface Known<Result> {
  answer: Promise<Result>;
  /** The changes that were known when it was asked; undefined while it waits for the one before it. */
  changes: number | undefined;
  until: number;
}

export interface Reuse<Result> {
  /** `ask`, or an answer to it that is young enough and holds every change that was told. */
  (key: string, ask: () => Promise<Result>): Promise<Result>;
  /** What was answered before is not used again. */
  forget: () => void;
}

/**
 * An answer that took long is used again for a second or two, five at most, until `forget` is called; what takes a moment is always
 * fresh. One is under way for each key at most: after a change, those who ask wait for it and share the next.
 */
export function createReuse<Result>(): Reuse<Result> {
  const known = new Map<string, Known<Result>>();
  let changes = 0;

  function reuse(key: string, ask: () => Promise<Result>): Promise<Result> {
    const last = known.get(key);
    const isWaiting = last !== undefined && last.changes === undefined;
    const isYoung = last?.changes === changes && last.until > performance.now();
    if (last !== undefined && (isWaiting || isYoung)) return last.answer;
    if (known.size >= mostKnown) known.clear();
    const state: Omit<Known<Result>, 'answer'> = { changes: undefined, until: Infinity };
    const begin = async () => {
      state.changes = changes;
      const started = performance.now();
      const answer = await ask();
      const took = performance.now() - started;
      state.until = took < cheapMs ? 0 : started + took + Math.min(factor * took, mostMs);
      return answer;
    };
    const answer = last?.until === Infinity ? last.answer.then(begin, begin) : begin();
    known.set(key, Object.assign(state, { answer }));
    answer.catch(() => (state.until = 0));
    return answer;
  }

  return Object.assign(reuse, { forget: () => void (changes += 1) });
}
