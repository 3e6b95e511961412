import { workflowId } from '../src/temporal.ts';
import { patient } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

/** What the cadence Schedule starts: hands one trigger to the model's retrain workflow, which may be running already. */
export async function requestRetrain({ model }: { model: string }): Promise<{ status: 'requested' }> {
  showInList({ model, trigger: 'cadence', phase: 'request' });
  await patient.triggerRetrain({ model, trigger: { kind: 'cadence' } });
  showOnPage(`${model}: asked for a retrain`, { workflow: workflowId.retrain(model) });
  return { status: 'requested' };
}
