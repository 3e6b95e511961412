import type { RedactText } from '../redact-message.ts';
import type { Turn } from './lanes.ts';
import type { Redactor } from './redactor.ts';

type RowRedactor = Pick<Redactor, 'startRow' | 'chain'>;

/**
 * Redacts the texts of one row by a redactor and by the one chained to it. `rewrite` puts each text through what it is
 * given; with a chain it runs until every text it asks for has its answer. Throws `redactor_unavailable`.
 */
export async function redactRow<Result>(
  { startRow, chain }: RowRedactor,
  rewrite: (redact: RedactText) => Result,
  { turn }: { turn?: Turn } = {},
): Promise<Result> {
  const redact = startRow();
  if (chain === undefined) return rewrite((text) => redact(text).text);
  const answers = new Map<string, string>();
  for (;;) {
    const asked = new Map<string, string>();
    const result = rewrite((text) => {
      const known = answers.get(text);
      if (known !== undefined) return known;
      const { text: redacted } = redact(text);
      asked.set(text, redacted);
      return redacted;
    });
    if (asked.size === 0) return result;
    await Promise.all(
      [...asked].map(async ([text, redacted]) => answers.set(text, (await chain(redacted, turn)).text)),
    );
  }
}
