import { patient } from './activity-options.ts';
import { readDecision } from './message-shape.ts';
import { showInList, showOnPage } from './operator-view.ts';

/** Takes the champion back to the version that served before it. Input: {"model":"…","by":"…","reason":"…"}. */
export async function rollback(input: {
  model: string;
  by?: string;
  reason?: string;
}): Promise<{ status: 'rolled_back'; version: string; from: string }> {
  const { by, reason } = readDecision(input);
  showInList({ model: input.model, trigger: 'manual', phase: 'rollback' });
  const { version, from } = await patient.rollBack({ model: input.model, by, reason });
  showInList({ model: input.model, version, phase: 'rolled back' });
  showOnPage(`${input.model}: ${version} serves again`, { 'taken back': from, by, reason });
  return { status: 'rolled_back', version, from };
}
