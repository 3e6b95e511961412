export type ClusterState = 'new' | 'growing' | 'stable' | 'resolved';

export interface KnownCluster {
  key: string;
  state: ClusterState;
  rows: number;
  terms: readonly string[];
  /** Request ids at the last look; none when it was resolved. */
  members: readonly string[];
}

export interface Group {
  members: readonly string[];
  terms: readonly string[];
}

/** A group with the cluster it was known as; null for a new one. */
export interface Identified extends Group {
  key: string | null;
  state: ClusterState;
}

/** So much of the smaller one is in both: it is the same cluster, grown, shrunk, or with some rows gone elsewhere. */
const sharedRows = 0.3;
/** So many of the terms of both: rows have left the window, what they are about has not changed. */
const sharedTerms = 0.5;
const growth = 1.1;

/**
 * Which known cluster each group is, best match first and each once: by the rows they share, and where no rows are left to
 * compare, by their terms. A cluster that no group continues is resolved.
 */
export function identify(
  known: readonly KnownCluster[],
  groups: readonly Group[],
): { groups: Identified[]; resolved: string[] } {
  const taken = new Map<number, KnownCluster>();
  const used = new Set<string>();
  const memberSets = groups.map(({ members }) => new Set(members));
  const pairs = known.flatMap((cluster) =>
    groups.map((group, index) => ({ cluster, index, score: scoreOf(cluster, group, memberSets[index]) })),
  );
  for (const { cluster, index, score } of pairs.sort((a, b) => b.score - a.score)) {
    if (score === 0) break;
    if (taken.has(index) || used.has(cluster.key)) continue;
    taken.set(index, cluster);
    used.add(cluster.key);
  }
  return {
    groups: groups.map((group, index) => ({ ...group, ...continued(taken.get(index), group) })),
    resolved: known.filter(({ key }) => !used.has(key)).map(({ key }) => key),
  };
}

function continued(before: KnownCluster | undefined, group: Group): Pick<Identified, 'key' | 'state'> {
  if (before === undefined) return { key: null, state: 'new' };
  const grows = before.state === 'resolved' || group.members.length >= growth * before.rows;
  return { key: before.key, state: grows ? 'growing' : 'stable' };
}

/** 1 to 2 for clusters that share rows, up to 1 for terms alone, 0 for different ones. */
function scoreOf(cluster: KnownCluster, group: Group, members: ReadonlySet<string> = new Set()): number {
  const shared = cluster.members.filter((id) => members.has(id)).length;
  const share = shared / Math.max(1, Math.min(cluster.members.length, members.size));
  if (share >= sharedRows) return 1 + share;
  const common = cluster.terms.filter((term) => group.terms.includes(term)).length;
  const all = new Set([...cluster.terms, ...group.terms]).size;
  return shared === 0 && all > 0 && common / all >= sharedTerms ? common / all : 0;
}
