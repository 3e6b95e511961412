import { defineQuery, patched, setHandler } from '@temporalio/workflow';
import { bulk } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

interface TagRulesState {
  model: string;
  phase: 'tag' | 'tagged';
  /** Rows, once they are. */
  tagged: number | null;
}

export const tagRulesState = defineQuery<TagRulesState>('state');

/** Tags the rows that meet a model's rules, one round of its schedule. Ends with how many it tagged. */
export async function tagRules({ model }: { model: string }): Promise<{ tagged: number }> {
  let state: TagRulesState = { model, phase: 'tag', tagged: null };
  setHandler(tagRulesState, () => state, { description: 'Phase and how many rows were tagged' });
  showInList({ model, trigger: 'schedule', phase: state.phase });
  showOnPage(`${model}: tagging the rows that meet rules`, {});

  const tagged = await bulk.applyTagRules({ model });
  state = { model, phase: 'tagged', tagged };
  if (patched('closing-phase')) showInList({ model, phase: state.phase });
  showOnPage(`${model}: ${tagged} rows tagged`, {});
  return { tagged };
}
