import { pipeline, Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import type { Place } from '../log/export.ts';
import { listLogFacets, listLogRows, listRowCorrections, listRowFeedback } from '../log/log-rows.ts';
import type { LogRecord } from '../log/record.ts';
import { findRow } from '../log/rows.ts';
import { exportFound, searchLog } from '../log/search.ts';
import { traceRequests } from '../promote/lineage.ts';
import { tagHistory } from '../tag/remove-tags.ts';
import type { RowFilter } from '../tag/select-rows.ts';
import { parseRequest } from './errors.ts';
import * as schemas from './log-schemas.ts';
import { findModel, type ReviewOptions } from './review-options.ts';

const mostCounted = 10_000;

/**
 * The kept log of a model: `GET /api/log` lists production's rows, the latest first; `/count`, `/facets` and `/row` tell how
 * many there are, what they can be narrowed to and all about one; `/export` writes those that a filter lets pass.
 */
export function addLogRoutes(app: FastifyInstance, { config, db }: ReviewOptions): void {
  function readFilter(given: z.output<typeof schemas.logFilter>): RowFilter {
    findModel(config, given.model);
    const { model, version, tag, cluster, text } = given;
    return {
      ...{ model, version, tag, cluster, text },
      from: given.from === undefined ? undefined : new Date(given.from),
      to: given.to === undefined ? undefined : new Date(given.to),
      keptBecause: given.kept_because && [given.kept_because],
      logprobFrom: given.logprob_from,
      logprobBelow: given.logprob_below,
    };
  }

  app.get('/api/log', async (request) => {
    const { after, limit, ...filter } = parseRequest(schemas.logQuery, request.query);
    const { places, next } = await searchLog(db, readFilter(filter), { after, limit });
    return {
      rows: await listLogRows(db, places),
      next: next && `${next.at}|${next.requestId}`,
      looked_back_to: places.length < limit ? timeOf(next) : null,
    };
  });

  app.get('/api/log/count', async (request) => {
    const filter = readFilter(parseRequest(schemas.logFilter, request.query));
    const { places, next } = await searchLog(db, filter, { limit: mostCounted + 1 });
    const isFull = places.length > mostCounted;
    return {
      rows: Math.min(places.length, mostCounted),
      more: next !== null,
      looked_back_to: isFull ? null : timeOf(next),
    };
  });

  app.get('/api/log/facets', async (request) => {
    const { model } = parseRequest(schemas.facetsQuery, request.query);
    findModel(config, model);
    return listLogFacets(db, model);
  });

  app.get('/api/log/row', async (request) => {
    const { request_id: requestId } = parseRequest(schemas.rowQuery, request.query);
    return describeRow(db, requestId);
  });

  app.get('/api/log/export', async (request, reply) => {
    const { format, ...given } = parseRequest(schemas.exportQuery, request.query);
    const records = exportFound(db, readFilter(given));
    const name = encodeURIComponent(`${given.model}-log.${format}`);
    return reply
      .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
      .header('content-disposition', `attachment; filename*=UTF-8''${name}`)
      .send(format === 'csv' ? writeCsv(records) : Readable.from(writeJsonl(records)));
  });
}

const timeOf = (place: Place | null) => place && new Date(place.at).toISOString();

async function describeRow(db: Database, requestId: string) {
  const row = await findRow(db, requestId);
  if (row === null) {
    throw new RelearnError(
      'request_not_found',
      'No logged request has this id. It may have left the log with its day.',
    );
  }
  const [feedback, tags, corrections, learned] = await Promise.all([
    listRowFeedback(db, requestId),
    tagHistory(db, requestId),
    listRowCorrections(db, requestId),
    traceRequests(db, { requestId }),
  ]);
  return {
    ...{ request_id: row.requestId, ts: row.ts, model: row.model, model_version: row.modelVersion, source: row.source },
    ...{ prompt: row.prompt, response: row.response, latency_ms: row.latencyMs, user_id_hash: row.userIdHash },
    ...{ response_logprob: row.responseLogprob, kept_because: row.keptBecause, feedback, tags, corrections },
    inclusion_probability: row.inclusionProbability,
    learned: learned.map(({ dataset, split, versions }) => ({ dataset, split, versions })),
  };
}

async function* writeJsonl(records: AsyncIterable<LogRecord>): AsyncGenerator<string> {
  for await (const record of records) yield `${JSON.stringify(record)}\n`;
}

/** A spreadsheet would take a text that begins with = for a formula: it gets an apostrophe. */
function writeCsv(records: AsyncIterable<LogRecord>): Readable {
  const lines = stringify({ header: true, escape_formulas: true });
  return pipeline(Readable.from(records), lines, () => undefined); // the reply meets the error
}
