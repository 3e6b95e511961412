import type { RetrainTrigger } from '../src/temporal.ts';

const shownTriggers = 5;

/** The kinds among the triggers, each once: what a run is listed by. */
export function kindsOf(triggers: readonly RetrainTrigger[]): string {
  return [...new Set(triggers.map(({ kind }) => kind))].join('+');
}

/** The triggers in one line; of many, the first few and a count. */
export function describeTriggers(triggers: readonly RetrainTrigger[]): string {
  const shown = triggers.slice(0, shownTriggers).map(({ kind, incident, cluster, by }) => {
    const of = incident ?? cluster ?? by;
    return of === undefined ? kind : `${kind} ${of.slice(0, 60)}`;
  });
  const more = triggers.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
