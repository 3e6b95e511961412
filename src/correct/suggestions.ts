import type { Database } from '../database.ts';
import type { Neighbours } from './neighbours.ts';
import type { ReviewRow } from './review-queue.ts';

/** What might be the answer, and where it comes from. It counts for nothing until a person says the same. */
export type Suggestion =
  | { source: 'stronger_model'; completion: string; proposer: string; agreed: boolean; judged: boolean; reason: string }
  | { source: 'nearest_correction'; completion: string; request_id: string; operator: string; similarity: number };

/** Suggestions for each row, by request id: the stronger model's first. */
export async function suggest(
  db: Database,
  neighbours: Neighbours,
  rows: readonly Pick<ReviewRow, 'request_id' | 'model' | 'prompt'>[],
): Promise<Map<string, Suggestion[]>> {
  const models = [...new Set(rows.map(({ model }) => model))];
  const [proposals] = await Promise.all([
    listProposals(
      db,
      rows.map((row) => row.request_id),
    ),
    ...models.map((model) => neighbours.refresh(model)),
  ]);
  const nearest = rows.map((row) => ({ row, found: neighbours.find(row.model, row.prompt) }));
  const current = await readCurrent(
    db,
    nearest.flatMap(({ found }) => found?.requestId ?? []),
  );
  return new Map(
    nearest.map(({ row, found }): [string, Suggestion[]] => {
      const own = proposals.filter((proposal) => proposal.request_id === row.request_id);
      const suggestions: Suggestion[] = own.map(({ completion, proposer, agreed, judged, reason }) => ({
        source: 'stronger_model',
        ...{ completion, proposer, agreed, judged, reason },
      }));
      const said = found === null ? undefined : current.get(found.requestId);
      if (found !== null && said !== undefined) {
        const similarity = Math.round(found.similarity * 100) / 100;
        suggestions.push({ source: 'nearest_correction', request_id: found.requestId, ...said, similarity });
      }
      return [row.request_id, suggestions];
    }),
  );
}

interface ShownProposal {
  request_id: string;
  completion: string;
  proposer: string;
  agreed: boolean;
  judged: boolean;
  reason: string;
}

async function listProposals(db: Database, requestIds: readonly string[]): Promise<ShownProposal[]> {
  return db.query<ShownProposal>(
    `select request_id, completion, proposer, agreed, judged, reason from relearn.proposals
     where request_id = any($1) and completion <> '' order by at desc`,
    [requestIds],
  );
}

async function readCurrent(
  db: Database,
  requestIds: readonly string[],
): Promise<Map<string, { completion: string; operator: string }>> {
  const rows = await db.query<{ requestId: string; completion: string; operator: string }>(
    `select request_id as "requestId", completion, operator from relearn.current_corrections where request_id = any($1)`,
    [requestIds],
  );
  return new Map(rows.map(({ requestId, completion, operator }) => [requestId, { completion, operator }]));
}
