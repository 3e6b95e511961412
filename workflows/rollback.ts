import { ApplicationFailure, defineQuery, setHandler } from '@temporalio/workflow';
import { patient } from './activity-options.ts';
import { readDecision, readModel } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';

interface RollbackState {
  model: string;
  phase: 'rollback' | 'rolled back';
  /** What serves again, and what was taken back; null until then. */
  version: string | null;
  from: string | null;
}

export const rollbackState = defineQuery<RollbackState>('state');

/** Takes the champion back to the version that served before it. Input: {"model":"…","by":"…","reason":"…"}. */
export async function rollback(input: unknown): Promise<{ status: 'rolled_back'; version: string; from: string }> {
  const { by, reason } = readDecision(input);
  const model = readModel(input);
  if (model === undefined)
    throw ApplicationFailure.nonRetryable('wanted {"model":"…","by":"…","reason":"…"}', 'invalid_request');
  let state: RollbackState = { model, phase: 'rollback', version: null, from: null };
  setHandler(rollbackState, () => state, { description: 'Phase, the version that serves, and the one taken back' });
  showInList({ model, trigger: 'manual', phase: state.phase });
  showOnPage(`${model}: going back to the version before`, { by, reason });

  const { version, from, console } = await patient.rollBack({ model, by, reason });
  state = { model, phase: 'rolled back', version, from };
  showInList({ model, version, phase: state.phase });
  const facts = { serves: version, 'taken back': from, by, reason };
  showOnPage(`${model}: ${version} serves again`, facts, {
    console,
    next: [{ text: 'its versions', to: ['versions', model] }],
  });
  return { status: 'rolled_back', version, from };
}
