import type { Database } from '../../database.ts';
import { RelearnError } from '../../errors.ts';
import type { StoredCorrection } from '../corrections.ts';
import { takeAnnotations } from './annotations.ts';
import type { LabelStudio } from './client.ts';
import { projectTitle } from './push.ts';

const batchTasks = 200;

/**
 * Takes all annotations of a project back, telling `onStored` of each batch: what a webhook has missed, or all, where
 * none is set up. What was taken before changes nothing. Throws `label_studio_failed`.
 */
export async function pullAnnotations(
  db: Database,
  studio: LabelStudio,
  { url, project, model }: { url: string; project?: number | undefined; model: string },
  onStored: (stored: readonly StoredCorrection[]) => Promise<void>,
): Promise<{ project: number; stored: number }> {
  const id = project ?? (await studio.findProject(projectTitle(model)))?.id;
  if (id === undefined) {
    throw new RelearnError(
      'label_studio_failed',
      `There is no project "${projectTitle(model)}". Push the queue first.`,
    );
  }
  const total = { project: id, stored: 0 };
  let batch: Parameters<typeof takeAnnotations>[2][number][] = [];
  const store = async () => {
    const stored = await takeAnnotations(db, { url, project: id }, batch);
    batch = [];
    total.stored += stored.filter(({ status }) => status === 'stored').length;
    await onStored(stored);
  };
  for await (const { requestId, annotations } of studio.listAnnotations(id)) {
    batch.push(...annotations.map((annotation) => ({ requestId, annotation })));
    if (batch.length >= batchTasks) await store();
  }
  if (batch.length > 0) await store();
  return total;
}
