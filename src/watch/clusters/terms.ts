const shownTerms = 5;
/** A word of fewer rows may be one person's. */
const leastRows = 5;
const prior = 0.5;

/**
 * The words that tell each group of texts from all others: by the log-odds of a row to hold the word, over its standard
 * error (Monroe, Colaresi, Quinn 2008, with a flat prior). Redacted texts in, so no mark of the redactor comes out.
 */
export function tellingTerms(texts: readonly string[], groups: readonly (readonly number[])[]): string[][] {
  const words = texts.map(wordsOf);
  const everywhere = countRows(words);
  return groups.map((rows) => {
    const here = countRows(rows.flatMap((row) => [words[row] ?? new Set<string>()]));
    const others = texts.length - rows.length;
    const scored = [...here]
      .filter(([, count]) => count >= leastRows)
      .map(([word, count]) => ({
        word,
        score: oddsRatio(count, rows.length, (everywhere.get(word) ?? count) - count, others),
      }));
    return scored
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1))
      .slice(0, shownTerms)
      .map(({ word }) => word);
  });
}

function wordsOf(text: string): Set<string> {
  const plain = text.replace(/\[[A-Z][A-Z_0-9]*\]/g, ' ').toLowerCase();
  return new Set(plain.match(/[\p{L}\p{M}]{3,40}/gu) ?? []);
}

function countRows(rows: readonly ReadonlySet<string>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const words of rows) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function oddsRatio(count: number, of: number, otherCount: number, ofOthers: number): number {
  const [held, not] = [count + prior, of - count + prior];
  const [otherHeld, otherNot] = [otherCount + prior, ofOthers - otherCount + prior];
  const difference = Math.log(held / not) - Math.log(otherHeld / otherNot);
  return difference / Math.sqrt(1 / held + 1 / otherHeld);
}
