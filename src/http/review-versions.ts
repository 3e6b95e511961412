import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { judgementWords } from '../gate/certificate-words.ts';
import { findJudgement, type GateJudgement } from '../gate/judgements.ts';
import { getVersion } from '../promote/registry.ts';
import { listLineageRows, readLineage, traceRequests, type LineageCount, type LineageRow } from '../promote/lineage.ts';
import { readPromotionFacts, whyNotPromoted } from '../promote/promotable.ts';
import { findRollback } from '../promote/promotion.ts';
import { listVersionEvents, listVersionRows, type VersionRow } from '../promote/version-rows.ts';
import { parseRequest } from './errors.ts';
import { findModel, type ReviewOptions } from './review-options.ts';
import { putIntoWords, readComparison, showCanary, showSummary } from './show-version.ts';
import * as schemas from './version-schemas.ts';
import { label } from './words.ts';

const modelPath = z.object({ model: z.string() });
const versionPath = z.object({ model: z.string(), version: label });

/**
 * `GET /api/models/:model/versions` lists them; `…/:version` says where one comes from and what let it serve, `…/rows` on
 * which rows it learned. `GET /api/lineage?request_id=` goes the other way: what learned from a request.
 */
export function addVersionRoutes(app: FastifyInstance, { config, db, signal, certificateKeys }: ReviewOptions): void {
  /** Of the one run that may be under way; null when there is none, or Temporal does not answer. */
  async function phaseOf(model: string, rows: readonly VersionRow[]) {
    const run = rows.find(({ runState }) => runState === 'running')?.run ?? null;
    if (run === null) return null;
    const told = await signal.runState(model, run).catch(() => null);
    return told && { ...told, run };
  }

  app.get('/api/models/:model/versions', async (request) => {
    const { model } = parseRequest(modelPath, request.params);
    const { before, limit } = parseRequest(schemas.versionsQuery, request.query);
    const { serve } = findModel(config, model);
    const [rows, champions, rollback] = await Promise.all([
      listVersionRows(db, { model, before, limit }),
      readChampion(model),
      findRollback(db, model),
    ]);
    const told = await phaseOf(model, rows);
    const versions = rows.map((row) => showSummary(row, row.run === told?.run ? told.phase : null));
    const waiting = versions.find(({ state, run }) => state === 'waiting' && run !== null);
    const judgement = waiting === undefined ? null : await findJudgement(db, model, waiting.version);
    return {
      ...{ model, serve: serve.kind, champion: champions, rollback, canary: showCanary(config, model), versions },
      waiting: waiting === undefined ? null : { run: waiting.run, version: waiting.version, ...inWords(judgement) },
      next: rows.length === limit ? (rows.at(-1)?.n ?? null) : null,
    };
  });

  app.get('/api/models/:model/versions/:version', async (request) => {
    const { model, version } = parseRequest(versionPath, request.params);
    findModel(config, model);
    const [lineage, [row], facts, serving, rollback, history, judgement] = await Promise.all([
      readLineage(db, model, version),
      listVersionRows(db, { model, version, limit: 1 }),
      readPromotionFacts(db, certificateKeys, { model, version }),
      readChampion(model),
      findRollback(db, model),
      listVersionEvents(db, model, version),
      findJudgement(db, model, version),
    ]);
    if (row === undefined) throw new Error('a version that was just read is gone');
    const { version: own, certificates, dataset, operators, incidents } = lineage;
    const [comparison, told] = await Promise.all([
      readComparison(db, config, row, { signed: certificates[0], judgement }),
      phaseOf(model, [row]),
    ]);
    return {
      ...{ model, ...showSummary(row, told?.phase ?? null) },
      ...{ kind: own.kind, champion: own.champion, artifact: own.artifact, run_reason: row.runReason },
      ...{ serving, rollback, canary: showCanary(config, model), comparison, history, certificates },
      not_promotable: whyNotPromoted(facts)?.message ?? null,
      words: putIntoWords(certificates[0], operators, certificateKeys),
      ...inWords(certificates.length === 0 ? judgement : null),
      dataset: dataset && {
        ...{ id: dataset.id, revision: dataset.revision, created_at: dataset.createdAt, manifest: dataset.manifest },
      },
      operators: operators.map(showCount),
      incidents: incidents.map(showCount),
    };
  });

  app.get('/api/models/:model/versions/:version/rows', async (request) => {
    const { model, version } = parseRequest(versionPath, request.params);
    const { after, limit } = parseRequest(schemas.lineageRowsQuery, request.query);
    findModel(config, model);
    const { dataset } = await getVersion(db, model, version);
    const rows = dataset === null ? [] : await listLineageRows(db, dataset, { after, limit });
    return { rows: rows.map(showRow), next: rows.length === limit ? (rows.at(-1)?.requestId ?? null) : null };
  });

  app.get('/api/lineage', async (request) => {
    const { request_id: requestId } = parseRequest(schemas.lineageQuery, request.query);
    const found = await traceRequests(db, { requestId });
    return {
      learned_from: found.map((each) => ({
        ...showRow(each),
        ...{ model: each.model, dataset: each.dataset, revised_by: each.revisedBy, versions: each.versions },
      })),
    };
  });

  async function readChampion(model: string): Promise<string | null> {
    const [found] = await db.query<{ version: string }>(
      `select version from relearn.aliases where model = $1 and alias = 'champion'`,
      [model],
    );
    return found?.version ?? null;
  }
}

function inWords(judgement: GateJudgement | null) {
  return { judgement: judgement && judgementWords(judgement) };
}

function showCount({ name, train, heldOut, duplicate }: LineageCount) {
  return { name, train, held_out: heldOut, duplicate };
}

function showRow({ requestId, correctionId, split, incident, operator, correctedAt }: LineageRow) {
  return {
    ...{ request_id: requestId, correction_id: correctionId, split },
    ...{ incident: incident === '' ? null : incident, operator, corrected_at: correctedAt },
  };
}
