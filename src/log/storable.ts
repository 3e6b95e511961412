/** The text without what Postgres cannot store: the character zero and halves of surrogate pairs. */
export function storable(text: string): string {
  return text.isWellFormed() && !text.includes('\0') ? text : text.replace(/[\0\p{Surrogate}]/gu, '');
}
