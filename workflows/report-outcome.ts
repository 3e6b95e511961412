import { getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow';
import { workflowId, type RetrainFinished, type RetrainTrigger } from '../src/temporal.ts';
import { patient } from './activity-options.ts';

/**
 * Tells the driftResponse of each incident that asked, and of the one that is open, how a run ended: what a person
 * asked for may cure an incident too. One that has closed meanwhile needs no word.
 */
export async function reportOutcome(
  model: string,
  triggers: readonly RetrainTrigger[],
  outcome: RetrainFinished,
): Promise<void> {
  const asked = triggers.flatMap(({ incident }) => (incident === undefined ? [] : [incident]));
  const open = await patient.listOpenIncidents({ model });
  for (const incident of new Set([...asked, ...open])) {
    try {
      await getExternalWorkflowHandle(workflowId.driftResponse(model, incident)).signal('retrainFinished', outcome);
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.info('driftResponse is closed, retrainFinished not sent', { incident });
    }
  }
}
