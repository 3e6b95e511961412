import { bulk } from './activity-options.ts';
import { showInList } from './operator-view.ts';

/** Tags the rows that meet a model's rules, one round of its schedule. Ends with how many it tagged. */
export async function tagRules({ model }: { model: string }): Promise<{ tagged: number }> {
  showInList({ model, phase: 'tag' });
  return { tagged: await bulk.applyTagRules({ model }) };
}
