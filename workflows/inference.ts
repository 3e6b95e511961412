import { continueAsNew, defineQuery, patched, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import type { BatchPlan } from '../src/serve/batch-plan.ts';
import { bulk } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

interface InferenceProgress {
  plan: BatchPlan;
  /** Chunks that are answered; the next part has this number. */
  parts: number;
  prompts: number;
  failed: number;
  /** Where in the file the next chunk begins. */
  next: { byte: number; line: number };
}

interface InferenceState extends Partial<InferenceProgress> {
  phase: 'plan' | 'answer' | 'join' | 'done';
  /** The joined answers, when they are. */
  file?: string;
}

export interface InferenceResult {
  status: 'done';
  prompts: number;
  /** Prompts without an answer; their line in the file says why. */
  failed: number;
  file: string;
}

export const inferenceState = defineQuery<InferenceState>('state');

/** A chunk adds six events, eleven when it is paced. */
const longestHistory = 1000;

/**
 * Answers a batch of prompts chunk by chunk, not faster than asked, and ends with one JSONL of answers. `resume` is
 * its own, from one run to the next. It fails before the first answer when the input or a line of the batch is wrong.
 */
export async function inference(input: unknown, resume?: InferenceProgress): Promise<InferenceResult> {
  let state: InferenceState = { phase: 'plan', ...resume };
  setHandler(inferenceState, () => state, { description: 'Phase, plan and how far it is' });
  if (resume === undefined) {
    showInList({ trigger: 'manual', phase: 'plan' });
    showOnPage('looking at the prompts', {});
  }

  const progress = resume ?? begin(await bulk.planInference(input));
  const { plan } = progress;
  const show = (phase: InferenceState['phase'], waitsFor: string) => {
    state = { ...progress, phase };
    showOnPage(`${plan.model}: ${waitsFor}`, {
      answered: `${progress.prompts} of ${plan.prompts} (${Math.floor((100 * progress.prompts) / Math.max(plan.prompts, 1))} %)`,
      ...{ failed: progress.failed, prompts: plan.file, output: plan.output },
    });
  };
  if (resume === undefined) {
    const version = plan.version === null ? {} : { version: plan.version };
    showInList({ model: plan.model, phase: 'answer', ...version });
  }

  while (progress.prompts < plan.prompts) {
    show('answer', 'answering');
    const { parts: part, next: from } = progress;
    const chunk = { plan, part, from, at: Date.now() };
    const answering = patched('chunks-by-infer') ? bulk.infer(chunk) : bulk.inferChunk(chunk);
    const last = progress.prompts + plan.chunk >= plan.prompts;
    const [outcome] = await Promise.all([answering, plan.everyMs > 0 && !last ? pace(plan) : undefined]);
    progress.parts += 1;
    progress.prompts += outcome.prompts;
    progress.failed += outcome.failed;
    progress.next = outcome.next;
    const { historyLength, continueAsNewSuggested } = workflowInfo();
    if (historyLength > longestHistory || continueAsNewSuggested) {
      await continueAsNew<typeof inference>(null, progress);
    }
  }

  show('join', 'joining the parts');
  const { file } = await bulk.joinInference({ output: plan.output, parts: progress.parts });
  show('done', `done, see ${file}`);
  showInList({ phase: 'done' });
  state = { ...state, file };
  return { status: 'done', prompts: progress.prompts, failed: progress.failed, file };
}

function pace({ everyMs }: BatchPlan): Promise<void> {
  return sleep(everyMs, { summary: 'requestsPerSecond' });
}

function begin(plan: BatchPlan): InferenceProgress {
  return { plan, parts: 0, prompts: 0, failed: 0, next: { byte: 0, line: 0 } };
}
