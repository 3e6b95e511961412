import { closes, opens } from './characters.ts';
import { luhn, mod11And10, verhoeff, weighted } from './checksum.ts';
import { createCue } from './cue.ts';
import type { Span } from './span.ts';

/** Government ids of one country: the words that announce them, their form, and the check their issuer gives them. */
interface Pack {
  cue: string;
  form: string;
  /** Gets digits and capital letters alone. */
  valid: (id: string) => boolean;
}

const gap = '[ ./-]?';
const grouped = (...sizes: number[]): string => sizes.map((size) => String.raw`\d{${size}}`).join(gap);
const nifLetters = 'TRWAGMYFPDXBNJZSQVHLCKE';

const packs = {
  'de-tax-id': {
    cue: 'steuer-?(?:liche )?id(?:entifikations(?:nummer|nr))?|steuernummer|idnr|tax id(?:entification)?|tin',
    form: grouped(2, 3, 3, 3),
    valid: (id) => !id.startsWith('0') && mod11And10(id),
  },
  'uk-nino': {
    cue: String.raw`national insurance|nino|\bni`,
    form: String.raw`[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]${gap}\d{2}${gap}\d{2}${gap}\d{2}${gap}[A-D]`,
    // Has no check digit; these prefixes are never given out (HMRC, NIM39110).
    valid: (id) => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(id),
  },
  'uk-nhs': {
    cue: 'nhs|health service',
    form: grouped(3, 3, 4),
    valid: (id) => mod11(id, [10, 9, 8, 7, 6, 5, 4, 3, 2]),
  },
  'fr-nir': {
    cue: 'nir|s[ée]curit[ée] sociale|num[ée]ro de s[ée]cu|insee|carte vitale|s[ée]cu',
    form: String.raw`[1-478]${gap}\d{2}${gap}\d{2}${gap}(?:\d{2}|2[ABab])${gap}\d{3}${gap}\d{3}${gap}\d{2}`,
    valid: (id) => {
      // Corsica counts as 19 and 18.
      const digits = id.slice(0, 13).replace('2A', '19').replace('2B', '18');
      return 97 - Number(BigInt(digits) % 97n) === Number(id.slice(13));
    },
  },
  'es-dni': {
    cue: String.raw`\bdni|\bnie|\bnif|documento nacional|identidad`,
    form: String.raw`(?:[XYZ]${gap}\d{7}|\d{8}|\d{2}\.\d{3}\.\d{3})${gap}[A-Z]`,
    valid: (id) => {
      const number = Number(id.slice(0, -1).replace('X', '0').replace('Y', '1').replace('Z', '2'));
      return nifLetters[number % 23] === id.at(-1);
    },
  },
  'it-codice-fiscale': {
    cue: 'codice fiscale|cod(?:ice)?\\.? ?fisc|\\bc\\.?f',
    form: '[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]',
    valid: codiceFiscale,
  },
  'nl-bsn': {
    cue: 'bsn|burgerservicenummer|sofi-?(?:nummer)?|burger service',
    form: grouped(4, 2, 3),
    valid: (id) => Number(id) > 0 && weighted(id, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0,
  },
  'in-aadhaar': {
    cue: 'aadhaa?r|uidai?|आधार',
    form: grouped(4, 4, 4),
    valid: (id) => /^[2-9]/.test(id) && verhoeff(id),
  },
  'br-cpf': {
    cue: 'cpf|cadastro de pessoas?|cadastro',
    form: grouped(3, 3, 3, 2),
    valid: (id) =>
      !/^(\d)\1+$/.test(id) &&
      ((weighted(id, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10 === Number(id[9]) &&
      ((weighted(id, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10 === Number(id[10]),
  },
  'ca-sin': { cue: String.raw`\bsin|social insurance|\bnas|assurance sociale`, form: grouped(3, 3, 3), valid: luhn },
  'au-tfn': {
    cue: 'tfn|tax file',
    form: grouped(3, 3, 3),
    valid: (id) => weighted(id, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0,
  },
} satisfies Record<string, Pack>;

export type PackName = keyof typeof packs;
export const packNames = Object.keys(packs) as [PackName, ...PackName[]];

/** Finders for the chosen packs: an id counts when a word announces it and its check holds. */
export function createPackFinders(chosen: readonly PackName[]): ((text: string, spans: Span[]) => void)[] {
  return chosen.map((name) => {
    const { cue, form, valid }: Pack = packs[name];
    const announced = createCue(cue);
    const pattern = new RegExp(form, 'gi');
    return (text, spans) => {
      for (const { 0: id, index } of text.matchAll(pattern)) {
        const end = index + id.length;
        if (!opens(text, index) || !closes(text, end) || !announced(text, index)) continue;
        if (valid(id.replace(/[ ./-]/g, '').toUpperCase())) spans.push({ kind: 'GOV_ID', start: index, end });
      }
    };
  });
}

/** The last digit is 11 less the weighted sum's rest; a rest that wants 10 is never given out. */
function mod11(id: string, weights: readonly number[]): boolean {
  return (11 - (weighted(id, weights) % 11)) % 11 === Number(id.at(-1));
}

const oddValues = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/** Decree of the Italian Ministry of Finance, 23 December 1976: values by odd and even place, modulo 26. */
function codiceFiscale(id: string): boolean {
  let sum = 0;
  for (let place = 0; place < 15; place += 1) {
    const code = id.charCodeAt(place);
    const value = code < 65 ? code - 48 : code - 65;
    sum += place % 2 === 0 ? (oddValues[value] ?? 0) : value;
  }
  return 65 + (sum % 26) === id.charCodeAt(15);
}
