import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { clipSummary } from '../src/temporal.ts';

/** What each activity does, in a few words: the Temporal UI lists events by them, without the activity's name. */
const does: Readonly<Record<keyof Activities, string>> = {
  applyTagRules: 'tag the rows that meet rules',
  buildDataset: 'build the dataset',
  certify: 'write the certificate',
  claimRun: 'take the next run number',
  countClusters: 'count corrections of watched tags',
  countCorrections: 'count corrected rows',
  deleteClosedRuns: 'delete closed workflow runs',
  deleteLeftovers: 'delete what was said of rows that are gone',
  deleteUserRows: 'delete the rows',
  drawReservoirs: 'draw the healthy rows to keep',
  findClusters: 'group what fails alike',
  findUserRows: 'find the rows',
  findWorkflows: 'find what took typed text',
  finishErasure: 'write the receipt',
  finishRun: 'write the outcome',
  hasLearned: 'has the champion learned from it?',
  infer: 'ask',
  inferChunk: 'answer prompts',
  joinInference: 'join the answers',
  judge: 'judge the gates',
  judgeMonitors: 'judge the monitors',
  judgeRollout: 'judge the rollout',
  keepIncidentRows: 'keep and tag the rows',
  listOpenIncidents: 'find open incidents',
  markClusterTriggered: 'note the trigger',
  noteUnreadable: 'note that a message could not be read',
  orderReviews: 'order the review queue',
  planInference: 'look at the prompts',
  planPromotion: 'read certificate and champion',
  planRun: 'read gates and champion',
  promote: 'switch the champion',
  promoteByHand: 'switch the champion',
  proposeCompletions: 'ask the stronger model',
  retrainTainted: 'ask for retrains',
  reviseDatasets: 'replace the datasets',
  rollBack: 'switch back',
  rollOutTo: 'set the share of the traffic',
  rotateLog: 'make and drop partitions',
  setIncidentState: 'set the state',
  startDriftResponse: 'see that driftResponse runs',
  storeCorrections: 'store corrections',
  train: 'train',
  triggerRetrain: 'ask for a retrain',
};
const known = new Map<string, string>(Object.entries(does));

/** Fields of an activity's input that tell one from another: ids, words and numbers, never text. */
const told = ['cases', 'version', 'state', 'status', 'part', 'tag'];

/** What the Temporal UI says beside an activity's name, such as `ask: gold, v2`. */
export function summariseActivity(activity: string, [input]: readonly unknown[]): string {
  const fields = new Map<string, unknown>(typeof input === 'object' && input !== null ? Object.entries(input) : []);
  const details = told.flatMap((name) => {
    const value = fields.get(name);
    if (name === 'part' && typeof value === 'number') return [`part ${value}`];
    return typeof value === 'number' || (typeof value === 'string' && value !== '') ? [String(value)] : [];
  });
  const [share, corrections] = [fields.get('share'), fields.get('corrections')];
  if (typeof share === 'number') details.push(`${Math.round(share * 100)} %`);
  if (Array.isArray(corrections)) details.push(String(corrections.length));
  const words = known.get(activity) ?? activity;
  return clipSummary(details.length === 0 ? words : `${words}: ${details.join(', ')}`);
}

/** Gives each activity a summary. Summaries are no part of what a replay compares. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [
    {
      async scheduleActivity(input, next) {
        const summary = summariseActivity(input.activityType, input.args);
        return next({ ...input, options: { summary, ...input.options } });
      },
    },
  ],
});
