/** Seeded choices, so that a corpus can be made again. */
export interface Random {
  next(): number;
  integer(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
  chance(share: number): boolean;
  /** Outside words, d becomes a digit, A a capital letter, h a hexadecimal digit; {n} becomes a digit from n to 9. */
  fill(form: string): string;
}

/** mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const one = (placeholder: string): string => {
    if (placeholder === 'd') return String(integer(0, 9));
    return placeholder === 'A' ? String.fromCharCode(integer(65, 90)) : integer(0, 15).toString(16);
  };
  return {
    next,
    integer,
    pick(from) {
      const chosen = from[integer(0, from.length - 1)];
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
    chance: (share) => next() < share,
    fill: (form) =>
      form.replace(/\{(\d)\}|(?<![a-wyzB-Z])[dAh]+(?![a-zB-Z])/g, (part: string, least: string | undefined) => {
        if (least !== undefined) return String(integer(Number(least), 9));
        return part.replace(/./g, one);
      }),
  };
}
