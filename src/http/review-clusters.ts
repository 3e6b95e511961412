import type { FastifyInstance } from 'fastify';
import { listFound } from '../watch/clusters/found.ts';
import { pictureClusters } from '../watch/clusters/show.ts';
import { clustersQuery } from './cluster-schemas.ts';
import { parseRequest } from './errors.ts';
import { findModel, type ReviewOptions } from './review-options.ts';

/** `GET /api/clusters`: groups of alike rows among those that fail, as the last look left them. */
export function addClusterRoute(app: FastifyInstance, { config, db }: ReviewOptions): void {
  app.get('/api/clusters', async (request) => {
    const { model } = parseRequest(clustersQuery, request.query);
    const models = model === undefined ? Object.keys(config.models) : [model];
    const watch = models.map((name) => {
      const { clusters, retrain } = findModel(config, name);
      return {
        ...{ model: name, every_seconds: retrain.clusterEverySeconds, window_days: clusters.windowDays },
        ...{ min_rows: clusters.minRows, review_at: clusters.reviewAt },
      };
    });
    const found = await listFound(db, models);
    const pictures = await pictureClusters(db, found, Math.max(...watch.map((each) => each.window_days)));
    const clusters = found.flatMap(({ key, underReview, ...cluster }) => {
      const picture = pictures.find((each) => each.model === cluster.model && each.key === key);
      if (picture === undefined) return [];
      const { terms, sizes, examples, firstSeenAt, lookedAt } = picture;
      return {
        ...{ model: cluster.model, tag: key, name: cluster.name, state: cluster.state, rows: cluster.rows },
        ...{ terms, sizes, examples, first_seen_at: firstSeenAt, looked_at: lookedAt },
        ...{ under_review: underReview, corrected: cluster.corrected },
        wanted: config.models[cluster.model]?.clusters.minCorrected ?? null,
      };
    });
    return { clusters, watch };
  });
}
