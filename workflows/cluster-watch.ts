import { ActivityFailure, defineQuery, isCancellation, log, patched, setHandler } from '@temporalio/workflow';
import type { ClusterCount } from '../activities/watch.ts';
import type { ClusterFigures } from '../activities/clusters.ts';
import { bulk, quick, sparing } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';
import { orderReviews } from './order-reviews.ts';

export interface ClusterWatchResult {
  status: 'quiet' | 'triggered';
  clusters: ClusterCount[];
  found: ClusterFigures[];
  /** What the rows were compared by; left out by looks of earlier releases. */
  comparedBy?: string | undefined;
}

export const clusterWatchState = defineQuery<ClusterWatchResult | { status: 'looking' }>('state');

/**
 * Counts the newly corrected rows of each configured tag, and groups what fails into clusters of its own: a large one is
 * put to review. A tag or cluster that has reached its threshold triggers a retrain, unless an open incident gathers corrections
 * for one. Corrections count once: the next trigger needs as many new ones.
 */
export async function clusterWatch({ model }: { model: string }): Promise<ClusterWatchResult> {
  let state: ClusterWatchResult | { status: 'looking' } = { status: 'looking' };
  setHandler(clusterWatchState, () => state, {
    description: 'Watched tags and found clusters, and their corrected rows',
  });
  showInList({ model, trigger: 'schedule', phase: 'count' });
  showOnPage(`${model}: counting corrections, then grouping what fails alike`, {});

  const clusters = await quick.countClusters({ model });
  const due = clusters.filter((cluster) => cluster.corrected >= cluster.threshold);
  for (const { tag, upToSeq } of due) await trigger(model, tag, upToSeq);

  let found: ClusterFigures[] = [];
  let dueFound: ClusterFigures[] = [];
  let console: string | undefined;
  let comparedBy: string | undefined;
  if (patched('found-clusters')) {
    showInList({ model, phase: 'group' });
    const look = await bulk.findClusters({ model });
    ({ found, console, comparedBy } = look);
    dueFound = look.found.filter(({ key }) => look.due.includes(key));
    for (const { key, upToSeq } of dueFound) await trigger(model, key, upToSeq);
    await orderReviews(model);
  }

  if (patched('relabel')) await relabel(model);

  const triggered = [...due.map(({ tag }) => tag), ...dueFound.map(({ key }) => key)];
  state = { status: triggered.length > 0 ? 'triggered' : 'quiet', clusters, found, comparedBy };
  showInList({ model, phase: state.status });
  const says = triggered.length === 0 ? 'nothing to retrain for' : `retrain for ${triggered.join(', ')}`;
  const reviewed = found.filter(({ underReview }) => underReview).length;
  showOnPage(
    `${model}: ${says}`,
    {
      ...{ clusters: found.length, 'under review': reviewed },
      ...(comparedBy === undefined ? {} : { 'rows compared by': comparedBy }),
    },
    {
      console,
      tables: [
        {
          title: 'Watched tags',
          head: ['tag', 'newly corrected', 'retrain at'],
          rows: clusters.map(({ tag, corrected, threshold }) => [tag, corrected, threshold]),
        },
        { title: 'Found clusters', head: ['cluster', 'state', 'rows', 'newly corrected'], rows: found.map(describe) },
      ],
      next: [{ text: reviewed > 0 ? 'correct what is under review' : 'review', to: ['review', model] }],
    },
  );
  return state;
}

async function trigger(model: string, cluster: string, upToSeq: number): Promise<void> {
  await quick.triggerRetrain({ model, trigger: { kind: 'cluster', cluster } });
  await quick.markClusterTriggered({ model, tag: cluster, upToSeq });
}

/** By key: names are made of users' words, and stay in the database. */
function describe({ key, state, rows, corrected, underReview }: ClusterFigures): (string | number)[] {
  return [key, underReview ? `${state}, under review` : state, rows, corrected];
}

/** Proposals are a help that may be missing: a look never fails for them. */
async function relabel(model: string): Promise<void> {
  try {
    await sparing.proposeCompletions({ model });
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    log.warn('the stronger model was not asked', { model });
  }
}
