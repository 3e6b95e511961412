import { ActivityFailure, defineQuery, isCancellation, log, patched, setHandler } from '@temporalio/workflow';
import type { ClusterCount } from '../activities/watch.ts';
import { quick, sparing } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

export interface ClusterWatchResult {
  status: 'quiet' | 'triggered';
  clusters: ClusterCount[];
}

export const clusterWatchState = defineQuery<ClusterWatchResult | { status: 'looking' }>('state');

/**
 * Counts the newly corrected rows of each configured tag; a tag that has reached its threshold triggers a retrain.
 * Corrections count once: the next trigger needs as many new ones.
 */
export async function clusterWatch({ model }: { model: string }): Promise<ClusterWatchResult> {
  let state: ClusterWatchResult | { status: 'looking' } = { status: 'looking' };
  setHandler(clusterWatchState, () => state, { description: 'Corrected rows of each watched tag' });
  showInList({ model, trigger: 'schedule', phase: 'count' });

  const clusters = await quick.countClusters({ model });
  const due = clusters.filter((cluster) => cluster.corrected >= cluster.threshold);
  for (const { tag, upToSeq } of due) {
    await quick.triggerRetrain({ model, trigger: { kind: 'cluster', cluster: tag } });
    await quick.markClusterTriggered({ model, tag, upToSeq });
  }

  if (patched('relabel')) await relabel(model);

  state = { status: due.length > 0 ? 'triggered' : 'quiet', clusters };
  showInList({ model, phase: state.status });
  showOnPage(
    `${model}: ${due.length === 0 ? 'no tag has reached its threshold' : `retrain for ${due.map(({ tag }) => tag).join(', ')}`}`,
    Object.fromEntries(
      clusters.map(({ tag, corrected, threshold }) => [tag, `${corrected} of ${threshold} corrected`]),
    ),
  );
  return state;
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
