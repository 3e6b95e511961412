import { defineQuery, patched, setHandler } from '@temporalio/workflow';
import { workflowId } from '../src/temporal.ts';
import { patient } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

export const requestRetrainState = defineQuery<{ model: string; phase: 'request' | 'requested' }>('state');

/** What the cadence Schedule starts: hands one trigger to the model's retrain workflow, which may be running already. */
export async function requestRetrain({ model }: { model: string }): Promise<{ status: 'requested' }> {
  let phase: 'request' | 'requested' = 'request';
  setHandler(requestRetrainState, () => ({ model, phase }), { description: 'Whether the retrain was asked for' });
  const retrain = { workflow: workflowId.retrain(model) };
  showInList({ model, trigger: 'cadence', phase });
  showOnPage(`${model}: asking for a retrain`, retrain);

  await patient.triggerRetrain({ model, trigger: { kind: 'cadence' } });
  phase = 'requested';
  if (patched('closing-phase')) showInList({ model, phase });
  showOnPage(`${model}: asked for a retrain`, retrain);
  return { status: 'requested' };
}
