import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { listIncidents } from '../src/watch/incidents.ts';
import { classifierText, promptMessages } from '../src/chat.ts';
import type { ModelConfig } from '../src/config.ts';
import { readReviewable, storeOrder } from '../src/correct/store-order.ts';
import { RelearnError } from '../src/errors.ts';
import { listChampions } from '../src/promote/registry.ts';
import { createChampionEmbed } from '../src/watch/clusters/champion-embed.ts';
import type { Embed } from '../src/watch/clusters/embed-cache.ts';
import { createEmbed } from '../src/watch/clusters/embed.ts';
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

/** What rows are compared by, in words for people. */
interface Features {
  comparedBy: string;
  /** Null: hashed n-grams. */
  embeddings: { of: string; embed: Embed } | null;
}

const ngrams: Features = { comparedBy: 'hashed n-grams', embeddings: null };

export function createClusterActivities({ config, db, artifacts, secret, logger, consoleUrl }: ActivityDependencies) {
  const endpoints = new Map<string, Embed>();
  const championEmbed = createChampionEmbed(artifacts);

  function settingsOf(model: string): ModelConfig['clusters'] {
    const settings = config.models[model];
    if (settings !== undefined) return settings.clusters;
    throw new RelearnError('model_not_found', `Model ${model} is not configured.`);
  }

  /** People need the queue most when something is broken: hashed n-grams do then, and it is said. */
  function withoutEmbeddings(model: string, of: string, error: unknown): Features {
    cancellationSignal().throwIfAborted();
    const code = error instanceof RelearnError ? error.code : 'internal_error';
    logger.warn({ model, code }, `no embeddings of ${of}: rows are grouped by hashed n-grams this time`);
    return { ...ngrams, comparedBy: `${ngrams.comparedBy}: ${of} gave no embeddings (${code})` };
  }

  /** An endpoint that is configured, else the champion where it is a sentence encoder, else hashed n-grams. */
  async function chooseFeatures(model: string): Promise<Features> {
    const { embeddings } = settingsOf(model);
    if (embeddings !== undefined) {
      const embed = endpoints.get(model) ?? createEmbed(embeddings, secret);
      endpoints.set(model, embed);
      return { comparedBy: 'embeddings of the endpoint', embeddings: { of: 'the endpoint', embed } };
    }
    const [champion] = await listChampions(db, [model]);
    if (champion === undefined) return ngrams;
    const of = `the champion ${champion.version}`;
    try {
      const embed = await championEmbed(champion);
      return embed === null ? ngrams : { comparedBy: `embeddings of ${of}`, embeddings: { of, embed } };
    } catch (error) {
      return withoutEmbeddings(model, of, error);
    }
  }

  async function describeRows(
    model: string,
    { comparedBy, embeddings }: Features,
    rows: readonly { prompt: string }[],
  ): Promise<{ comparedBy: string; material: Material }> {
    const texts = rows.map(({ prompt }) => classifierText(promptMessages(prompt)));
    if (embeddings === null || texts.length === 0) return { comparedBy, material: { texts } };
    const { of, embed } = embeddings;
    try {
      return { comparedBy, material: { texts, embeddings: await embed(texts, cancellationSignal()) } };
    } catch (error) {
      return { comparedBy: withoutEmbeddings(model, of, error).comparedBy, material: { texts } };
    }
  }

  const limitOf = ({ embeddings }: Features) => (embeddings === null ? mostRows : mostEmbedded);

  return {
    /** Makes the order of a model's review queue anew. May run again at any time. */
    async orderReviews({ model }: { model: string }): Promise<{ rows: number; cards: number; comparedBy: string }> {
      return withHeartbeat(async () => {
        const features = await chooseFeatures(model);
        const rows = await readReviewable(db, { model, limit: limitOf(features) });
        const { comparedBy, material } = await describeRows(model, features, rows);
        const flags = rows.map(({ waits, risky, front, declined }) => ({ waits, risky, front, declined }));
        const cards = await orderInThread({ kind: 'order', rows: flags, ...material }, cancellationSignal());
        await storeOrder(db, model, rows, cards);
        return { rows: rows.length, cards: cards.length, comparedBy };
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
    }): Promise<{ found: ClusterFigures[]; due: string[]; comparedBy?: string | undefined; console?: string }> {
      const { windowDays, minRows, reviewAt, minCorrected } = settingsOf(model);
      const look = { model, run: activityInfo().workflowExecution?.runId ?? '' };
      return withHeartbeat(async () => {
        const known = await readKnown(db, look);
        let comparedBy: string | undefined;
        if (known !== null) {
          const features = await chooseFeatures(model);
          const rows = await readFailures(db, { model, windowDays, limit: limitOf(features) });
          const described = await describeRows(model, features, rows);
          comparedBy = described.comparedBy;
          const groups = await groupInThread({ kind: 'group', minRows, ...described.material }, cancellationSignal());
          const grouped = groups.map(({ rows: positions, terms }) => ({
            members: positions.flatMap((row) => rows[row]?.requestId ?? []),
            terms,
          }));
          await storeFound(db, look, identify(known, grouped));
        }
        await openReviews(db, { model, reviewAt });
        const found = await listFound(db, [model]);
        const answering = (await listIncidents(db, { model, open: true })).length > 0;
        const due = answering ? [] : found.filter(({ corrected }) => corrected >= minCorrected);
        return { found: found.map(withoutName), due: due.map(({ key }) => key), comparedBy, console: consoleUrl };
      });
    },
  };
}

function withoutName({ key, model, state, rows, corrected, underReview, upToSeq }: FoundCluster): ClusterFigures {
  return { key, model, state, rows, corrected, underReview, upToSeq };
}
