import { bulk } from './activity-options.ts';
import { showInList, showOnPage } from './operator-view.ts';

/** Tags the rows that meet a model's rules, one round of its schedule. Ends with how many it tagged. */
export async function tagRules({ model }: { model: string }): Promise<{ tagged: number }> {
  showInList({ model, trigger: 'schedule', phase: 'tag' });
  const tagged = await bulk.applyTagRules({ model });
  showOnPage(`${model}: ${tagged} rows tagged`, {});
  return { tagged };
}
