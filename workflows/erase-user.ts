import { defineQuery, patched, setHandler, sleep } from '@temporalio/workflow';
import type { ErasureReceipt } from '../src/log/erase-rows.ts';
import { bulk, patient } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

export interface EraseUserInput {
  /** 16 hex digits: the user's name stays outside. */
  userIdHash: string;
  by: string;
}

interface EraseUserState {
  phase: string;
  receipt: ErasureReceipt | null;
  /** Open workflows that may hold the user's text as someone typed it. */
  waitsFor: string[];
}

export const eraseUserState = defineQuery<EraseUserState>('state');

/** Longer than any gateway holds a row before it is stored. */
const settling = '10s';

/**
 * Erases what is kept of a user: rows, feedback, corrections, and the datasets that hold them; versions that learned from
 * them are marked. It ends with a receipt, when the last workflow that may hold the user's text as typed is closed and
 * deleted.
 */
export async function eraseUser({ userIdHash: user, by }: EraseUserInput): Promise<ErasureReceipt> {
  const state: EraseUserState = { phase: 'rows', receipt: null, waitsFor: [] };
  setHandler(eraseUserState, () => state, { description: 'Phase, receipt, and what it waits for' });
  const enter = (phase: string, says: string) => {
    state.phase = phase;
    showInList({ trigger: 'manual', phase });
    showOnPage(says, { user, by, ...(state.waitsFor.length === 0 ? {} : { 'open workflows': state.waitsFor.length }) });
  };

  enter('rows', 'finding and deleting what is kept');
  const { requests, workflows } = await bulk.findUserRows({ user, by });
  let { datasets, tainted } = await bulk.reviseDatasets({ user });
  const deleted = await bulk.deleteUserRows({ user });
  await sleep(settling, { summary: 'rows on their way' });
  const late = await bulk.deleteUserRows({ user });
  // A build that had read the rows before may have registered a dataset since.
  if (patched('revise-late')) ({ datasets, tainted } = await bulk.reviseDatasets({ user }));

  const typedMeanwhile = patched('typed-meanwhile') ? await bulk.findWorkflows({ user }) : [];
  const mayHoldText = [...new Set([...workflows, ...typedMeanwhile])];
  let { deleted: deletedRuns, open } = await bulk.deleteClosedRuns({ workflows: mayHoldText });
  const retrains = await patient.retrainTainted({ tainted });
  const receipt = () => ({ requests, deleted: addUp(deleted, late), datasets, tainted, deletedRuns, retrains });
  await patient.finishErasure({ user, receipt: receipt() });
  state.receipt = receipt();
  while (open.length > 0) {
    state.waitsFor = open;
    enter('waiting', 'everything is erased but what was typed into open incidents; it goes when they close');
    await sleep('1 day', { summary: 'until open incidents close' });
    const more = await bulk.deleteClosedRuns({ workflows: open });
    deletedRuns += more.deleted;
    open = more.open;
  }
  state.receipt = receipt();
  state.waitsFor = [];
  enter('done', 'erased');
  return receipt();
}

function addUp(one: Record<string, number>, other: Record<string, number>): Record<string, number> {
  const sum = { ...one };
  for (const [table, rows] of Object.entries(other)) sum[table] = (sum[table] ?? 0) + rows;
  return sum;
}
