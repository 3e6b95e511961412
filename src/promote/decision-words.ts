/** What will happen when a person decides about a version, told before they do: one sentence each. */

export interface DecisionFacts {
  model: string;
  /** The version that the decision is about. */
  version: string;
  /** What serves now; null for none. */
  champion: string | null;
  /** Steps of a rollout; null where a version takes all traffic at once. */
  canary: { shares: readonly number[]; step_minutes: number } | null;
}

const notAgain = 'The data it was made from is not tried again: the next retrain waits for new corrections.';

/** A candidate that waits is let serve. */
export function approveWords(facts: DecisionFacts): string[] {
  return [`${facts.version} gets its signed certificate.`, ...takeOver(facts)];
}

/** A candidate that waits is not let serve. */
export function rejectWords({ model, version, champion }: DecisionFacts, run: number): string[] {
  return [
    `${champion ?? 'What serves now'} goes on serving ${model}; run ${run} ends as rejected.`,
    `${version} stays on record without a certificate. ${notAgain}`,
  ];
}

/** A registered version that holds a certificate is let serve. */
export function promoteWords(facts: DecisionFacts, comparedWith: string | null): string[] {
  const { version, champion } = facts;
  const other =
    comparedWith === null || comparedWith === champion || champion === null
      ? []
      : [`Its gates compared it with ${comparedWith}, not with ${champion}, which serves now.`];
  return [
    `Nothing is trained or asked again: ${version} holds a certificate that passed.`,
    ...other,
    ...takeOver(facts),
  ];
}

/** What serves gives way to what served before. `canary`: the version that goes is still on trial. */
export function rollBackWords(model: string, { from, to }: { from: string; to: string }, canary: boolean): string[] {
  const answers = canary
    ? `Within a second ${from} leaves the traffic, and every gateway of ${model} answers all requests with ${to}, the champion.`
    : `Within a second every gateway of ${model} answers with ${to} again, which served before ${from}.`;
  return [answers, `${from} stays on record as rolled back. ${notAgain}`];
}

function takeOver({ model, version, champion, canary }: DecisionFacts): string[] {
  if (canary === null || champion === null) {
    const instead = champion === null ? '' : ` in place of ${champion}`;
    const back = champion === null ? [] : [`A rollback lets ${champion} serve again, within seconds.`];
    return [`Within a second every gateway of ${model} answers with ${version}${instead}.`, ...back];
  }
  const { shares, step_minutes: minutes } = canary;
  const steps = new Intl.ListFormat('en', { type: 'unit' }).format(
    shares.map((share) => `${Math.round(share * 100)} %`),
  );
  return [
    `Every gateway of ${model} lets ${version} answer ${steps} of the requests, each for ${minutes} min, then all of them; ${champion} answers the rest.`,
    `Gold set, confidence and complaints are watched meanwhile: if ${version} does worse than ${champion}, it is taken back by itself.`,
  ];
}
