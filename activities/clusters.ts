import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { listIncidents } from '../src/watch/incidents.ts';
import { classifierText, promptMessages } from '../src/chat.ts';
import type { ModelConfig } from '../src/config.ts';
import { readReviewable, storeOrder } from '../src/correct/store-order.ts';
import { RelearnError } from '../src/errors.ts';
import { createEmbed, type Embed } from '../src/watch/clusters/embed.ts';
import { listFound, openReviews, readFailures, readKnown, storeFound } from '../src/watch/clusters/found.ts';
import type { FoundCluster } from '../src/watch/clusters/found.ts';
import { identify } from '../src/watch/clusters/identity.ts';
import { groupInThread, orderInThread } from '../src/watch/clusters/in-thread.ts';
import type { Material } from '../src/watch/clusters/jobs.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

/** What a history may hold of a cluster: its name is made of users' words, and stays in the database. */
export type ClusterFigures = Omit<FoundCluster, 'name'>;

/** Rows clustered at once; those of an incident beyond it wait in the queue behind them. */
const mostRows = 20_000;
const mostEmbedded = 6000;

export function createClusterActivities({ config, db, secret, logger, consoleUrl }: ActivityDependencies) {
  const embeds = new Map<string, Embed>();

  function settingsOf(model: string): ModelConfig['clusters'] {
    const settings = config.models[model];
    if (settings !== undefined) return settings.clusters;
    throw new RelearnError('model_not_found', `Model ${model} is not configured.`);
  }

  /** Without an endpoint, or with one that fails, the hashed n-grams of the texts must do. */
  async function describeRows(model: string, prompts: readonly string[]): Promise<Material> {
    const texts = prompts.map((prompt) => classifierText(promptMessages(prompt)));
    const { embeddings } = settingsOf(model);
    if (embeddings === undefined || texts.length === 0) return { texts };
    const embed = embeds.get(model) ?? createEmbed(embeddings, secret);
    embeds.set(model, embed);
    try {
      return { texts, embeddings: await embed(texts, cancellationSignal()) };
    } catch (error) {
      cancellationSignal().throwIfAborted();
      const code = error instanceof RelearnError ? error.code : 'internal_error';
      logger.warn({ model, code }, 'no embeddings: rows are grouped by hashed n-grams this time');
      return { texts };
    }
  }

  const limitOf = (model: string) => (settingsOf(model).embeddings === undefined ? mostRows : mostEmbedded);

  return {
    /** Makes the order of a model's review queue anew. May run again at any time. */
    async orderReviews({ model }: { model: string }): Promise<{ rows: number; cards: number }> {
      return withHeartbeat(async () => {
        const rows = await readReviewable(db, { model, limit: limitOf(model) });
        const material = await describeRows(
          model,
          rows.map(({ prompt }) => prompt),
        );
        const flags = rows.map(({ waits, risky, front, declined }) => ({ waits, risky, front, declined }));
        const cards = await orderInThread({ kind: 'order', rows: flags, ...material }, cancellationSignal());
        await storeOrder(db, model, rows, cards);
        return { rows: rows.length, cards: cards.length };
      });
    },

    /**
     * Groups what fails, tells the groups from those of the last look, and opens targeted reviews. Run twice, it looks
     * once. Due for a retrain are clusters under review with enough corrected rows, unless an open incident gathers
     * corrections for one.
     */
    async findClusters({
      model,
    }: {
      model: string;
    }): Promise<{ found: ClusterFigures[]; due: string[]; console?: string }> {
      const { windowDays, minRows, reviewAt, minCorrected } = settingsOf(model);
      const look = { model, run: activityInfo().workflowExecution?.runId ?? '' };
      return withHeartbeat(async () => {
        const known = await readKnown(db, look);
        if (known !== null) {
          const rows = await readFailures(db, { model, windowDays, limit: limitOf(model) });
          const material = await describeRows(
            model,
            rows.map(({ prompt }) => prompt),
          );
          const groups = await groupInThread({ kind: 'group', minRows, ...material }, cancellationSignal());
          const described = groups.map(({ rows: positions, terms }) => ({
            members: positions.flatMap((row) => rows[row]?.requestId ?? []),
            terms,
          }));
          await storeFound(db, look, identify(known, described));
        }
        await openReviews(db, { model, reviewAt });
        const found = await listFound(db, [model]);
        const answering = (await listIncidents(db, { model, open: true })).length > 0;
        const due = answering ? [] : found.filter(({ corrected }) => corrected >= minCorrected);
        return { found: found.map(withoutName), due: due.map(({ key }) => key), console: consoleUrl };
      });
    },
  };
}

function withoutName({ key, model, state, rows, corrected, underReview, upToSeq }: FoundCluster): ClusterFigures {
  return { key, model, state, rows, corrected, underReview, upToSeq };
}
