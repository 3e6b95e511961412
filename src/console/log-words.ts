const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 });
const plain = new Intl.NumberFormat(undefined, {
  ...({ maximumFractionDigits: 2, minimumFractionDigits: 2, signDisplay: 'negative' } as const), // no −0.00
});

/** A log-probability, with the probability it means where that says anything: of a long text it is next to nothing. */
export function confidence(logprob: number | null): string {
  if (logprob === null) return '–';
  const probability = Math.exp(logprob);
  return probability < 0.005 ? plain.format(logprob) : `${plain.format(logprob)} · ${percent.format(probability)}`;
}
