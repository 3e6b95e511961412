export interface Tries {
  first: string;
  second: string;
  /** Of a classifier; null when any text may be right. */
  labels: readonly string[] | null;
  /** What the judge says; null when it was not asked, or there is none. */
  judged: boolean | null;
}

export interface Decision {
  /** The proposal is a correction. */
  verified: boolean;
  agreed: boolean;
  judged: boolean;
  reason: string;
}

/** Whether there is any sense in asking the judge. */
export function isWorthJudging({ first, second, labels }: Omit<Tries, 'judged'>): boolean {
  return first !== '' && first === second && (labels === null || labels.includes(first));
}

/** A proposal counts as a correction when two runs agreed, it is a label where labels are wanted, and a judge passed it. */
export function decideProposal(tries: Tries): Decision {
  const { first, second, labels, judged } = tries;
  const agreed = first !== '' && first === second;
  const outcome = { agreed, judged: judged === true };
  const unverified = (reason: string) => ({ ...outcome, verified: false, reason });
  if (first === '') return unverified('it answered nothing');
  if (!agreed) return unverified('two runs did not agree');
  if (labels !== null && !labels.includes(first)) return unverified('it is not a known label');
  if (judged === null) return unverified('there is no judge');
  if (!judged) return unverified('the judge did not pass it');
  return { ...outcome, verified: true, reason: 'two runs agreed and the judge passed it' };
}
