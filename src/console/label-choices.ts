/** How many have a number key. */
export const mostChoices = 9;

interface Likely {
  /** What a classifier can answer, the most used first. */
  labels: readonly string[];
  suggested: readonly string[];
  /** What the model answered: it is in the field already. */
  response: string;
}

/**
 * The labels on the number keys. Few labels keep their places, so that hands learn them; of many, the suggested ones
 * come first, then the most used ones.
 */
export function likelyLabels({ labels, suggested, response }: Likely): string[] {
  if (labels.length <= mostChoices) return labels.toSorted((a, b) => a.localeCompare(b));
  const known = new Set(labels);
  return [...new Set([...suggested.filter((label) => known.has(label)), ...labels])]
    .filter((label) => label !== response)
    .slice(0, mostChoices);
}

/** The labels that hold what was typed: those that begin with it first, then those with a word that does. */
export function matchLabels(labels: readonly string[], typed: string): string[] {
  const wanted = typed.trim().toLowerCase();
  const rank = (label: string) => {
    const text = label.toLowerCase();
    if (text === wanted) return 0;
    if (text.startsWith(wanted)) return 1;
    if (text.split(/[\s_/.-]+/).some((word) => word.startsWith(wanted))) return 2;
    return text.includes(wanted) ? 3 : 4;
  };
  return labels
    .map((label) => ({ label, rank: rank(label) }))
    .filter((match) => match.rank < 4)
    .sort((a, b) => a.rank - b.rank)
    .map(({ label }) => label);
}
