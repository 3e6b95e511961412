/** An answer is used again for so many times as long as it took: reviewers share what is dear. */
const factor = 20;
/** What takes less is asked each time. */
const cheapMs = 10;
const mostKnown = 100;

/** Makes `reuse(key, ask)`: an answer that took long is used again for a second or two; what takes a moment is always fresh. */
export function createReuse<Result>(): (key: string, ask: () => Promise<Result>) => Promise<Result> {
  const known = new Map<string, { answer: Promise<Result>; until: number }>();
  return (key, ask) => {
    const started = performance.now();
    const last = known.get(key);
    if (last !== undefined && last.until > started) return last.answer;
    if (known.size >= mostKnown) known.clear();
    const entry = { answer: ask(), until: started };
    known.set(key, entry);
    entry.answer.then(
      () => {
        const ended = performance.now();
        if (ended - started >= cheapMs) entry.until = ended + factor * (ended - started);
      },
      () => known.delete(key),
    );
    return entry.answer;
  };
}
