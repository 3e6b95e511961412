import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { readLineage, type LineageCount } from '../promote/lineage.ts';
import { parseRequest } from './errors.ts';
import { findModel, type ReviewOptions } from './review-options.ts';
import { label } from './words.ts';

const versionPath = z.object({ model: z.string(), version: label });

/** `GET /api/models/:model/versions/:version`: where a version comes from, and what let it serve. */
export function addVersionRoute(app: FastifyInstance, { config, db }: ReviewOptions): void {
  app.get('/api/models/:model/versions/:version', async (request) => {
    const { model, version } = parseRequest(versionPath, request.params);
    findModel(config, model);
    const { version: own, certificates, dataset, operators, incidents } = await readLineage(db, model, version);
    return {
      ...{ model, version, kind: own.kind, champion: own.champion, parent: own.parent, run: own.run },
      ...{ artifact: own.artifact, created_at: own.createdAt, tainted_at: own.taintedAt, certificates },
      dataset: dataset && {
        ...{ id: dataset.id, revision: dataset.revision, created_at: dataset.createdAt, manifest: dataset.manifest },
      },
      operators: operators.map(showCount),
      incidents: incidents.map(showCount),
    };
  });
}

function showCount({ name, train, heldOut, duplicate }: LineageCount) {
  return { name, train, held_out: heldOut, duplicate };
}
