import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { listFound } from '../watch/clusters/found.ts';
import { parseRequest } from './errors.ts';
import { findModel, type ReviewOptions } from './review-options.ts';

export const clustersQuery = z.object({ model: z.string().optional() });

/** `GET /api/clusters`: groups of alike rows among those that fail, as the last look left them. */
export function addClusterRoute(app: FastifyInstance, { config, db }: ReviewOptions): void {
  app.get('/api/clusters', async (request) => {
    const { model } = parseRequest(clustersQuery, request.query);
    if (model !== undefined) findModel(config, model);
    const found = await listFound(db, model === undefined ? Object.keys(config.models) : [model]);
    return {
      clusters: found.map((cluster) => ({
        model: cluster.model,
        tag: cluster.key,
        name: cluster.name,
        state: cluster.state,
        rows: cluster.rows,
        under_review: cluster.underReview,
        corrected: cluster.corrected,
        wanted: config.models[cluster.model]?.clusters.minCorrected ?? null,
      })),
    };
  });
}
