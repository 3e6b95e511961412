import type { Database } from '../../database.ts';
import { RelearnError } from '../../errors.ts';
import { fillReviewQueue } from '../queue-fill.ts';
import { holdHeads } from '../review-lease.ts';
import { readReviewRows } from '../review-queue.ts';
import type { LabelStudio } from './client.ts';
import { addLabels, buildLabelling } from './labelling.ts';

export interface Pushed {
  project: number;
  /** Tasks that are new in Label Studio. */
  pushed: number;
  /** Tasks that an earlier push, which broke off, had brought there. */
  found: number;
}

export interface PushOptions {
  model: string;
  url: string;
  /** The id of the configured project; left out: one of ours, by its title. */
  project?: number | undefined;
  /** Of a classifier; null for a model that writes text. */
  labels: readonly string[] | null;
  limit: number;
  holdDays: number;
}

/** Who holds pushed rows. */
export const labelStudioReviewer = 'label studio';
const batchTasks = 100;
/** A push that began before this and has no answer broke off. */
const brokenOff = '2 minutes';

/**
 * Brings the first rows of the queue, one of each card, into Label Studio and holds them there. Each row becomes one task,
 * however often and after whatever failure this is called. Throws `label_studio_failed`.
 */
export async function pushQueue(db: Database, studio: LabelStudio, options: PushOptions): Promise<Pushed> {
  const project = await openProject(studio, options);
  const at = { url: options.url, project };
  const broken = await finishBrokenOff(db, studio, at);
  await fillReviewQueue(db, { models: [options.model] });
  const claimed = [...broken.missing, ...(await claimRows(db, at, options))];
  let pushed = 0;
  for (let from = 0; from < claimed.length; from += batchTasks) {
    pushed += await importBatch(db, studio, at, claimed.slice(from, from + batchTasks));
  }
  return { project, pushed, found: broken.found };
}

interface ProjectAt {
  url: string;
  project: number;
}

async function openProject(studio: LabelStudio, { model, project, labels }: PushOptions): Promise<number> {
  if (project !== undefined) return (await studio.getProject(project)).id;
  const title = projectTitle(model);
  const own = await studio.findProject(title);
  if (own === undefined) return (await studio.createProject(title, buildLabelling(labels))).id;
  const labelling = addLabels(own.label_config, labels);
  if (labelling !== null) await studio.changeLabelConfig(own.id, labelling);
  return own.id;
}

/** The name of a project that the first push makes. */
export function projectTitle(model: string): string {
  return `relearn: ${model}`;
}

/** What a push that broke off had sent is found by its request ids; the rest is to be sent again. */
async function finishBrokenOff(
  db: Database,
  studio: LabelStudio,
  at: ProjectAt,
): Promise<{ found: number; missing: string[] }> {
  const rows = await db.query<{ requestId: string }>(
    `update relearn.label_studio_tasks set claimed_at = now()
     where url = $1 and project = $2 and task_id is null and claimed_at < now() - interval '${brokenOff}'
     returning request_id as "requestId"`,
    [at.url, at.project],
  );
  if (rows.length === 0) return { found: 0, missing: [] };
  const wanted = new Set(rows.map(({ requestId }) => requestId));
  const tasks = new Map<string, number>();
  for await (const { id, requestId } of studio.listTasks(at.project)) {
    if (wanted.has(requestId)) tasks.set(requestId, id);
  }
  await noteTasks(db, at, [...tasks.keys()], [...tasks.values()]);
  return { found: tasks.size, missing: [...wanted].filter((requestId) => !tasks.has(requestId)) };
}

/** Holds rows and notes them as pushed; those that were pushed before are only held. */
async function claimRows(db: Database, at: ProjectAt, { model, limit, holdDays }: PushOptions): Promise<string[]> {
  return db.transaction(async (tx) => {
    const held = await holdHeads(tx, {
      ...{ models: [model], operator: labelStudioReviewer, count: limit, minutes: holdDays * 24 * 60 },
    });
    const rows = await tx.query<{ requestId: string }>(
      `insert into relearn.label_studio_tasks (url, project, request_id, model)
       select $1, $2, request_id, $4 from unnest($3::text[]) with ordinality as held (request_id, place) order by place
       on conflict do nothing returning request_id as "requestId"`,
      [at.url, at.project, held, model],
    );
    return rows.map(({ requestId }) => requestId);
  });
}

async function importBatch(
  db: Database,
  studio: LabelStudio,
  at: ProjectAt,
  requestIds: readonly string[],
): Promise<number> {
  const rows = await readReviewRows(db, requestIds);
  const ids = rows.map((row) => row.request_id);
  await giveUpClaims(
    db,
    at,
    requestIds.filter((id) => !ids.includes(id)),
  );
  if (rows.length === 0) return 0;
  const similar = await countSimilar(db, ids);
  const tasks = rows.map(({ request_id, prompt, response }) => ({
    ...{ request_id, prompt, response },
    similar: similar.get(request_id) ?? 0,
  }));
  try {
    await noteTasks(db, at, ids, await studio.importTasks(at.project, tasks));
    return tasks.length;
  } catch (error) {
    // It refused, so nothing is there; after a silence the next push looks.
    if (error instanceof RelearnError && 'status' in error.details) await giveUpClaims(db, at, requestIds);
    throw error;
  }
}

async function giveUpClaims(db: Database, { url, project }: ProjectAt, requestIds: readonly string[]): Promise<void> {
  await db.query(
    `with given_up as (
       delete from relearn.label_studio_tasks
       where url = $1 and project = $2 and request_id = any($3) and task_id is null
       returning request_id
     )
     update relearn.review_queue q set lease = null, lease_place = null, leased_by = null, leased_until = null
     from given_up where q.request_id = given_up.request_id and q.leased_by = $4`,
    [url, project, requestIds, labelStudioReviewer],
  );
}

async function noteTasks(
  db: Database,
  { url, project }: ProjectAt,
  requestIds: readonly string[],
  taskIds: readonly number[],
): Promise<void> {
  await db.query(
    `update relearn.label_studio_tasks t set task_id = given.task_id
     from unnest($3::text[], $4::bigint[]) as given (request_id, task_id)
     where t.url = $1 and t.project = $2 and t.request_id = given.request_id`,
    [url, project, requestIds, taskIds],
  );
}

async function countSimilar(db: Database, requestIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.query<{ requestId: string; similar: number }>(
    `select q.request_id as "requestId", count(*) - 1 as similar
     from relearn.review_queue q
     join relearn.review_queue o on o.model = q.model and o.card = q.card and o.removed_at is null
     where q.request_id = any($1) group by q.request_id`,
    [requestIds],
  );
  return new Map(rows.map(({ requestId, similar }) => [requestId, similar]));
}
