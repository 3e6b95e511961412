import {
  getCountries,
  getCountryCallingCode,
  isValidPhoneNumber,
  Metadata,
  type CountryCode,
} from 'libphonenumber-js/max';

/** Bit n is set when the plan has national numbers of n digits; by country calling code. */
const lengthsByCode: ReadonlyMap<number, number> = readPlans();

function readPlans(): Map<number, number> {
  const plans = new Map<number, number>([800, 808, 870, 881, 882, 883, 888, 979].map((code) => [code, 0b1111111 << 6]));
  plans.set(52, 1 << 11); // Mexico's mobiles had a 1 of their own, and many still write it
  const metadata = new Metadata();
  for (const country of getCountries()) {
    metadata.selectNumberingPlan(country);
    const code = Number(getCountryCallingCode(country));
    const lengths = metadata.numberingPlan?.possibleLengths() ?? [];
    plans.set(
      code,
      lengths.reduce((bits, length) => bits | (1 << length), plans.get(code) ?? 0),
    );
  }
  return plans;
}

/** Whether digits after "+" (country code first, up to 15 by ITU-T E.164) have a length their country's plan knows. */
export function isInternational(digits: string): boolean {
  if (digits.length < 8 || digits.length > 15) return false;
  for (let size = 1; size <= 3; size += 1) {
    const lengths = lengthsByCode.get(Number(digits.slice(0, size)));
    if (lengths === undefined) continue;
    // The shortest are service numbers: nobody's.
    if (digits.startsWith('1')) return /^1[2-9]\d{9}$/.test(digits);
    return digits.length - size >= 5 && (lengths & (1 << (digits.length - size))) !== 0;
  }
  return false;
}

/** Countries whose national numbers are taken by shape alone, by how often their writers meet an English model. */
const countries: readonly CountryCode[] = [
  'GB',
  'DE',
  'FR',
  'AU',
  'IN',
  'IT',
  'JP',
  'CN',
  'ES',
  'BR',
  'KR',
  'NL',
  'BE',
  'CH',
  'AT',
  'SE',
];

/** Whether these digits are a number of a national plan. Costs some hundred microseconds: for the few doubtful ones. */
export function isNational(digits: string): boolean {
  return countries.some((country) => isValidPhoneNumber(digits, country));
}
