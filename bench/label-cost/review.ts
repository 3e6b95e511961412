import { foldRows, rowsLookedAt } from '../../src/correct/fold.ts';
import { orderCards, reorderEvery } from '../../src/correct/queue-order.ts';
import { findClusters } from '../../src/watch/clusters/find.ts';
import { textVectors } from '../../src/watch/clusters/vectors.ts';

export interface ReviewedRow {
  row: number;
  completion: string;
  /** How many corrections had been made with the one that answered it. */
  cost: number;
}

export interface Review {
  answered: ReviewedRow[];
  /** Rows that were read, after so many corrections. */
  read: number[];
}

interface PoolRow {
  text: string;
  truth: string;
  risky: boolean;
}

/**
 * Plays a reviewer who answers `corrections` cards in the order of the production queue, which is made anew as
 * production makes it. The reviewer reads five rows of a card: when one answer fits them, it is given to the whole card,
 * wrong or not; when it does not, only the first row gets its answer. Either costs one correction.
 */
export function reviewInQueueOrder(pool: readonly PoolRow[], corrections: number, seed: number): Review {
  const vectors = textVectors(pool.map(({ text }) => text));
  const clustering = findClusters(vectors, seed);
  const rows = pool.map(({ risky }) => ({ risky, waits: true, front: false, declined: 0 }));
  const review: Review = { answered: [], read: [0] };
  while (review.read.length <= corrections) {
    const cards = orderCards(foldRows(rows, vectors, clustering), rows, clustering.labels);
    if (cards.length === 0) break;
    for (const card of cards.slice(0, Math.min(reorderEvery, corrections + 1 - review.read.length))) {
      const looked = card.rows.slice(0, rowsLookedAt);
      const [completion = ''] = looked.map((row) => pool[row]?.truth ?? '');
      const fits = looked.every((row) => pool[row]?.truth === completion);
      const cost = review.read.length;
      review.read.push((review.read.at(-1) ?? 0) + looked.length);
      for (const row of fits ? card.rows : card.rows.slice(0, 1)) {
        review.answered.push({ row, completion, cost });
        rows[row] = { ...(rows[row] ?? { risky: false, front: false, declined: 0 }), waits: false };
      }
      if (fits) continue;
      for (const row of card.rows) {
        const declined = rows[row];
        if (declined !== undefined) declined.declined += 1;
      }
    }
  }
  return review;
}
