import type { Card } from './fold.ts';

/** After so many corrections the order is made anew: what was answered has moved it. */
export const reorderEvery = 25;

/** Many rows may be answered at once: a tenth more, at least, keeps the number of orders small. */
export function needsNewOrder(corrected: number, correctedAtLast: number): boolean {
  return corrected - correctedAtLast >= Math.max(reorderEvery, correctedAtLast / 10);
}

/**
 * A tenth of healthy rows are of low confidence (that is how the threshold is calibrated): of a cluster with three times as
 * many, all rows probably fail, whatever the model says of each.
 */
const failingShare = 0.3;

export interface QueuedRow {
  waits: boolean;
  /** The model was unsure of it, or a person pointed at it: it probably failed. */
  risky: boolean;
  /** Belongs to a cluster under targeted review. */
  front: boolean;
}

/**
 * The order in which cards are answered: those of a cluster under targeted review first; then every cluster once before
 * any is repeated, the one with the most probable failures waiting first, the more central card first in each. A
 * cluster of which something is answered already has had its first turn.
 */
export function orderCards(cards: readonly Card[], rows: readonly QueuedRow[], labels: Int32Array): Card[] {
  const clusters = new Map<number, { answered: boolean; risky: number; waiting: number; cards: Card[] }>();
  for (const [row, { waits, risky }] of rows.entries()) {
    const label = labels[row] ?? row;
    const cluster = clusters.get(label) ?? { answered: false, risky: 0, waiting: 0, cards: [] };
    clusters.set(label, cluster);
    if (!waits) cluster.answered = true;
    else {
      cluster.waiting += 1;
      if (risky) cluster.risky += 1;
    }
  }
  for (const card of cards) clusters.get(card.cluster)?.cards.push(card);

  const placed = [...clusters.values()].flatMap(({ answered, risky, waiting, cards: own }) =>
    own
      .sort((a, b) => b.centrality - a.centrality)
      .map((card, index) => ({
        ...{
          card,
          waiting,
          failing: risky >= failingShare * waiting ? waiting : risky,
          turn: index + (answered ? 1 : 0),
        },
        front: card.rows.some((row) => rows[row]?.front === true) ? 0 : 1,
      })),
  );
  return placed
    .sort((a, b) => a.front - b.front || a.turn - b.turn || b.failing - a.failing || b.waiting - a.waiting)
    .map(({ card }) => card);
}
