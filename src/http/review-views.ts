import type { FastifyBaseLogger } from 'fastify';
import type { StoredCorrection } from '../correct/corrections.ts';
import { createNeighbours } from '../correct/neighbours.ts';
import { readCards, type ReviewCard } from '../correct/review-cards.ts';
import type { Lease } from '../correct/review-lease.ts';
import { createReuse } from '../correct/reuse.ts';
import { countOpenIncident, type IncidentCount } from '../correct/review-progress.ts';
import { suggest, type Suggestion } from '../correct/suggestions.ts';
import { tellIncidents } from '../correct/tell-incidents.ts';
import { errorMessage } from '../errors.ts';
import { listFound } from '../watch/clusters/found.ts';
import type { ReviewOptions } from './review-options.ts';

export interface HeldCardView {
  lease: string;
  until: Date;
  card: ReviewCard & { suggestions: Suggestion[] };
}

export interface ProgressView {
  incident: string;
  counted: number;
  wanted: number;
  /** Such as "37 of 100". */
  text: string;
}

/** What the review queue's routes show. */
export function createViews({ config, db, signal }: ReviewOptions) {
  const neighbours = createNeighbours(db);
  const reuse = createReuse<IncidentCount | null>();

  /** Cards as a page shows them, with what may be their answers. */
  async function showCards(folds: readonly (readonly string[])[]) {
    const cards = await readCards(db, folds);
    const suggestions = await suggest(
      db,
      neighbours,
      cards.filter((card) => card !== null),
    );
    return cards.map((card) => card && { ...card, suggestions: suggestions.get(card.request_id) ?? [] });
  }

  async function showHeld(leases: readonly Lease[]): Promise<HeldCardView[]> {
    const cards = await showCards(leases.map(({ requestIds }) => requestIds));
    return leases.flatMap(({ id, until }, place) => {
      const card = cards[place];
      return card == null ? [] : [{ lease: id, until, card }];
    });
  }

  /** Of the open incident of a model; null when there is none. */
  async function showProgress(model: string | undefined): Promise<ProgressView | null> {
    const wanted = model === undefined ? undefined : config.models[model]?.retrain.minCorrected;
    if (model === undefined || wanted === undefined) return null;
    const open = await reuse(model, () => countOpenIncident(db, model));
    return open && { ...open, wanted, text: `${open.counted} of ${wanted}` };
  }

  /** A cluster as its targeted review shows it; null for one that is gone. */
  async function showCluster(model: string, key: string) {
    const found = (await listFound(db, [model])).find((cluster) => cluster.key === key);
    const wanted = config.models[model]?.clusters.minCorrected;
    if (found === undefined || wanted === undefined) return null;
    const { name, corrected, underReview } = found;
    return { tag: key, name, corrected, wanted, under_review: underReview };
  }

  /** What is stored stays stored when Temporal does not answer: the incident learns of it with the next correction. */
  async function tell(logger: FastifyBaseLogger, stored: readonly StoredCorrection[]): Promise<{ warning?: string }> {
    try {
      await tellIncidents(db, signal, stored);
      return {};
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'corrections are stored, but driftResponse was not told');
      return { warning: 'The answer is stored, but driftResponse could not be told. Is Temporal running?' };
    }
  }

  return { showCards, showHeld, showProgress, showCluster, tell, forgetProgress: reuse.forget };
}
