import type { FastifyInstance } from 'fastify';
import { listLabelsByUse } from '../correct/known-labels.ts';
import type { QueueFiller } from '../correct/queue-fill.ts';
import { countOpenIncident } from '../correct/review-progress.ts';
import { createReuse } from '../correct/reuse.ts';
import { labelsQuery } from './console-schemas.ts';
import { parseRequest } from './errors.ts';
import { readOverview, type LatestRun } from './overview-queries.ts';
import { currentStep, describeSteps } from './overview-steps.ts';
import { mergeTrend } from './overview-trend.ts';
import { findModel, type ReviewOptions } from './review-options.ts';

/**
 * `GET /api/overview`: the loop of each model at a glance. `GET /api/labels?model=`: what its answers can be. Returns a
 * function that forgets the last overview, so that the next request reads anew.
 */
export function addOverviewRoutes(
  app: FastifyInstance,
  { config, db, signal }: ReviewOptions,
  filler: QueueFiller,
): () => void {
  const models = Object.keys(config.models);
  const reuse = createReuse<Awaited<ReturnType<typeof readAll>>>();

  async function showRun(run: LatestRun | undefined) {
    if (run === undefined) return null;
    const { model, ...shown } = run;
    const told = run.state === 'running' ? await signal.runState(model, run.n).catch(() => null) : null;
    return { ...shown, phase: told?.phase ?? null, candidate: told?.candidate ?? null };
  }

  async function showIncident(model: string, state: string | undefined) {
    const open = state === undefined ? null : await countOpenIncident(db, model);
    const wanted = findModel(config, model).retrain.minCorrected;
    if (open === null || state === undefined) return null;
    return { id: open.incident, state, counted: open.counted, wanted, text: `${open.counted} of ${wanted}` };
  }

  async function readAll() {
    await filler.fill();
    const read = await readOverview(db, models);
    const of = <Row extends { model: string }>(rows: readonly Row[], wanted: string) =>
      rows.filter(({ model }) => model === wanted);
    const shown = models.map(async (model) => {
      const serving = read.serving.filter((each) => each.model === model);
      const champion = serving.find(({ alias }) => alias === 'champion');
      const challenger = serving.find(({ alias }) => alias === 'challenger');
      const [run, incident] = await Promise.all([
        showRun(read.runs.find((each) => each.model === model)),
        showIncident(model, read.incidents.get(model)?.state),
      ]);
      const trend = mergeTrend(new Date(), {
        traffic: of(read.traffic, model),
        gold: of(read.gold, model),
        boundary: of(read.boundary, model),
      });
      const facts = {
        champion: champion === undefined ? null : { version: champion.version, since: champion.since },
        challenger: challenger === undefined ? null : { version: challenger.version, share: challenger.share },
        ...{ incident, run, waiting: read.waiting.get(model) ?? 0 },
        monitors: of(read.monitors, model),
      };
      const requests = trend.reduce((sum, part) => sum + part.requests, 0);
      const steps = describeSteps({ ...facts, requests });
      return { model, ...facts, steps, current: currentStep(steps), trend, marks: of(read.marks, model) };
    });
    return { models: await Promise.all(shown) };
  }

  app.get('/api/overview', () => reuse('all', readAll));

  app.get('/api/labels', async (request) => {
    const { model } = parseRequest(labelsQuery, request.query);
    const { serve } = findModel(config, model);
    return { labels: serve.kind === 'onnx' ? await listLabelsByUse(db, model) : [] };
  });
  return reuse.forget;
}
