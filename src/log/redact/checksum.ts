/** Luhn's check (ISO/IEC 7812-1, annex B) of digits alone. */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** ISO 7064 mod 97-10 of digits and capital letters, as IBANs use it: the first four characters count last. */
export function mod97(iban: string): boolean {
  let rest = 0;
  for (let place = 0; place < iban.length; place += 1) {
    const code = iban.charCodeAt((place + 4) % iban.length);
    rest = code < 65 ? (rest * 10 + code - 48) % 97 : (rest * 100 + code - 55) % 97;
  }
  return rest === 1;
}

/** Sum of each digit times its weight. */
export function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, place) => sum + weight * (digits.charCodeAt(place) - 48), 0);
}

const verhoeffProduct = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const verhoeffStep = '1576283094';

/** Verhoeff's check, over the dihedral group of order ten. */
export function verhoeff(digits: string): boolean {
  let check = 0;
  for (let place = 0; place < digits.length; place += 1) {
    let digit = Number(digits[digits.length - 1 - place]);
    for (let step = 0; step < place % 8; step += 1) digit = Number(verhoeffStep[digit]);
    check = Number(verhoeffProduct[check]?.[digit]);
  }
  return check === 0;
}

/** ISO 7064 mod 11,10, as German tax numbers use it. */
export function mod11And10(digits: string): boolean {
  let product = 10;
  for (let place = 0; place < digits.length - 1; place += 1) {
    const sum = (digits.charCodeAt(place) - 48 + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === digits.charCodeAt(digits.length - 1) - 48;
}
