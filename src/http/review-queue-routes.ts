import type { FastifyInstance } from 'fastify';
import { createReuse } from '../correct/reuse.ts';
import type { QueueFiller } from '../correct/queue-fill.ts';
import { answerCard, describeConflict, removeRows, skipCard } from '../correct/review-actions.ts';
import { listFolds, listHolders } from '../correct/review-cards.ts';
import { leaseCards, releaseLease, renewLease } from '../correct/review-lease.ts';
import { countReviewQueue, listPlaces, listReviewQueue, type ReviewFilter } from '../correct/review-queue.ts';
import { undoLast } from '../correct/review-undo.ts';
import { listReviewers, listSaid } from '../correct/reviewers.ts';
import { RelearnError } from '../errors.ts';
import { parseRequest } from './errors.ts';
import { findModel, type ReviewOptions } from './review-options.ts';
import * as schemas from './review-schemas.ts';
import { createViews } from './review-views.ts';

/**
 * The review queue: `GET /api/review` lists rows, `GET /api/review/cards` cards, and `GET /api/review/state` tells how
 * far it is and who reviews; `POST /api/review/next` gives a
 * reviewer cards to hold, which `answer`, `skip`, `remove`, `renew` and `release` then name by their lease; `undo`
 * takes back what the reviewer did last. Shapes are those of review-schemas.ts. Returns a function that
 * forgets the last counts.
 */
export function addQueueRoutes(app: FastifyInstance, options: ReviewOptions, filler: QueueFiller): () => void {
  const { config, db } = options;
  const { showCards, showHeld, showProgress, showCluster, tell, forgetProgress } = createViews(options);
  const models = Object.keys(config.models);
  const reuse = createReuse<number>();
  const countWaiting = (filter: ReviewFilter) => reuse(JSON.stringify(filter), () => countReviewQueue(db, filter));
  /** Who did something sees it counted. */
  const changed = () => {
    reuse.forget();
    forgetProgress();
  };

  function narrow({ model, ...filter }: Omit<ReviewFilter, 'models'> & { model?: string | undefined }): ReviewFilter {
    if (model !== undefined) findModel(config, model);
    const { incident, tag, cluster } = filter;
    return { models: model === undefined ? models : [model], incident, tag, cluster };
  }

  app.get('/api/review', async (request) => {
    const { limit, offset, ...given } = parseRequest(schemas.queueQuery, request.query);
    const filter = narrow(given);
    await filler.fill();
    const [rows, waiting] = await Promise.all([
      listReviewQueue(db, { ...filter, limit, offset }),
      countWaiting(filter),
    ]);
    return { rows, waiting };
  });

  app.get('/api/review/cards', async (request) => {
    const { limit, ...given } = parseRequest(schemas.cardsQuery, request.query);
    const filter = narrow(given);
    await filler.fill();
    const [places, waiting] = await Promise.all([
      listPlaces(db, { ...filter, limit, headsOnly: true }),
      countWaiting(filter),
    ]);
    const [cards, holders] = await Promise.all([
      listFolds(db, places).then((folds) => showCards([...folds.values()])),
      listHolders(
        db,
        places.map(({ requestId }) => requestId),
      ),
    ]);
    return {
      cards: cards.flatMap((card) =>
        card === null ? [] : [{ ...card, holder: holders.get(card.request_id) ?? null }],
      ),
      waiting,
    };
  });

  app.get('/api/review/state', async (request) => {
    const { model, ...given } = parseRequest(schemas.stateQuery, request.query);
    const filter = narrow({ model, ...given });
    await filler.fill();
    const [waiting, progress, cluster, reviewers] = await Promise.all([
      countWaiting(filter),
      showProgress(model),
      given.cluster === undefined ? null : showCluster(model, given.cluster),
      listReviewers(db, model),
    ]);
    return { waiting, progress, cluster, reviewers };
  });

  app.get('/api/review/said', async (request) => {
    const { request_id: requestId } = parseRequest(schemas.saidQuery, request.query);
    return { said: await listSaid(db, requestId) };
  });

  app.post('/api/review/next', async (request) => {
    const { lease_minutes: minutes, ...given } = parseRequest(schemas.nextRequest, request.body);
    const filter = narrow(given);
    await filler.fill();
    const leases = await leaseCards(db, { ...filter, ...given, minutes });
    const [cards, waiting, progress] = await Promise.all([
      showHeld(leases),
      countWaiting(filter),
      showProgress(given.model),
    ]);
    return { cards, waiting, progress };
  });

  app.post('/api/review/renew', async (request) => {
    const { request_id: requestId, ...given } = parseRequest(schemas.renewRequest, request.body);
    const { operator, lease, lease_minutes: minutes } = given;
    const until = await renewLease(db, { lease, operator, minutes });
    if (until !== null) return { lease, until };
    if (requestId !== undefined) throw await describeConflict(db, requestId);
    throw new RelearnError('review_conflict', 'You do not hold this card any more. Ask for the next one.');
  });

  app.post('/api/review/release', async (request, reply) => {
    await releaseLease(db, parseRequest(schemas.releaseRequest, request.body));
    return reply.code(204).send();
  });

  app.post('/api/review/answer', async (request, reply) => {
    const { request_id: requestId, apply_to: applyTo, ...given } = parseRequest(schemas.answerRequest, request.body);
    const { operator, lease, completion = null } = given;
    const { action, model, stored } = await answerCard(db, { operator, lease, requestId, applyTo, completion });
    changed();
    const told = await tell(request.log, stored);
    const results = stored.map(({ requestId: request_id, status, id }) => ({ request_id, status, id }));
    const accepted = stored.filter(({ status }) => status === 'stored').length;
    if ('warning' in told) void reply.code(202);
    return { action, accepted, results, progress: await showProgress(model), ...told };
  });

  app.post('/api/review/skip', async (request) => {
    const { request_id: requestId, ...given } = parseRequest(schemas.skipRequest, request.body);
    return skipCard(db, { ...given, requestId });
  });

  app.post('/api/review/remove', async (request) => {
    const { request_id: requestId, apply_to: applyTo, ...given } = parseRequest(schemas.removeRequest, request.body);
    const removed = await removeRows(db, { ...given, requestId, applyTo });
    changed();
    return removed;
  });

  app.post('/api/review/undo', async (request) => {
    const { operator, lease_minutes: minutes } = parseRequest(schemas.undoRequest, request.body);
    const { undone, model, lease } = await undoLast(db, { operator, minutes });
    changed();
    const [cards, progress] = await Promise.all([showHeld([lease]), showProgress(model)]);
    return { undone, cards, progress };
  });
  return changed;
}
