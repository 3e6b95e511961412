import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';

const modelKey = defineSearchAttributeKey('RelearnModel', SearchAttributeType.KEYWORD);
const versionKey = defineSearchAttributeKey('RelearnVersion', SearchAttributeType.KEYWORD);
const triggerKey = defineSearchAttributeKey('RelearnTrigger', SearchAttributeType.KEYWORD);
const phaseKey = defineSearchAttributeKey('RelearnPhase', SearchAttributeType.KEYWORD);

export interface OperatorView {
  model?: string;
  version?: string;
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

/** Sets what the page of a workflow says: one line on what it waits for, then a table of facts. Markdown. */
export function showOnPage(waitsFor: string, facts: Readonly<Record<string, string | number>>): void {
  const rows = Object.entries(facts).map(([name, value]) => `| ${name} | ${escapeCell(String(value))} |`);
  setCurrentDetails([`**${escapeCell(waitsFor)}**`, '', '| | |', '|---|---|', ...rows].join('\n'));
}

function escapeCell(text: string): string {
  return text.replace(/[\\|<>[\]*_`]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}
