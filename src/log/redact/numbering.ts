/** What stands in place of `text` from `start` to `end`. */
export type MarkOf = (kind: string, text: string, start: number, end: number) => string;

export const plainMark: MarkOf = (kind) => `[${kind}]`;

const numberedMark = /\[([A-Z]+(?:_[A-Z]+)*)_(\d{1,6})\]/g;

/** Marks with numbers for one row: [EMAIL_1], [EMAIL_2], the same number for the same value however it is spaced. */
export function createNumbering(): MarkOf {
  const numbers = new Map<string, number>();
  const last = new Map<string, number>();
  let seen = '';
  return (kind, text, start, end) => {
    if (text !== seen) {
      // Numbers that are in the text already keep their meaning.
      for (const [, name = '', number] of text.matchAll(numberedMark)) {
        last.set(name, Math.max(last.get(name) ?? 0, Number(number)));
      }
      seen = text;
    }
    const value = `${kind} ${text
      .slice(start, end)
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[\s()./\u2010-\u2015-]/g, '')}`;
    const number = numbers.get(value) ?? (last.get(kind) ?? 0) + 1;
    numbers.set(value, number);
    last.set(kind, Math.max(last.get(kind) ?? 0, number));
    return `[${kind}_${number}]`;
  };
}
