import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { writePage, type Page } from './page.ts';

const modelKey = defineSearchAttributeKey('RelearnModel', SearchAttributeType.KEYWORD);
const versionKey = defineSearchAttributeKey('RelearnVersion', SearchAttributeType.KEYWORD);
const triggerKey = defineSearchAttributeKey('RelearnTrigger', SearchAttributeType.KEYWORD);
const phaseKey = defineSearchAttributeKey('RelearnPhase', SearchAttributeType.KEYWORD);

export interface OperatorView {
  model?: string;
  version?: string | undefined;
  trigger?: string;
  phase: string;
}

/** Sets what the Temporal UI lists a workflow by. Left-out fields keep their value. */
export function showInList({ model, version, trigger, phase }: OperatorView): void {
  upsertSearchAttributes([
    ...(model === undefined ? [] : [{ key: modelKey, value: model }]),
    ...(version === undefined ? [] : [{ key: versionKey, value: version }]),
    ...(trigger === undefined ? [] : [{ key: triggerKey, value: trigger }]),
    { key: phaseKey, value: phase },
  ]);
}

/** Sets what the page of a workflow says. It is no command: it may say something else in a replay. */
export function showPage(page: Page): void {
  setCurrentDetails(writePage(page));
}

/** The same for a page of a line, facts and little else. */
export function showOnPage(says: string, facts: Page['facts'], more: Omit<Page, 'says' | 'facts'> = {}): void {
  showPage({ says, facts, ...more });
}
