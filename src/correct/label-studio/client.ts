import { request } from 'undici';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { annotationSchema, type Annotation } from './annotations.ts';

/** One row to label. All texts are redacted. */
export interface Task {
  request_id: string;
  prompt: string;
  response: string;
  /** Near-duplicates that wait behind it. */
  similar: number;
}

export interface LabelStudio {
  /** Throws `label_studio_failed`; so does each of these. */
  findProject(title: string): Promise<Project | undefined>;
  getProject(id: number): Promise<Project>;
  createProject(title: string, labelConfig: string): Promise<Project>;
  changeLabelConfig(id: number, labelConfig: string): Promise<void>;
  /** The ids of the new tasks, in order. */
  importTasks(project: number, tasks: readonly Task[]): Promise<number[]>;
  /** Tasks of a project by request id. */
  listTasks(project: number): AsyncGenerator<{ id: number; requestId: string }>;
  listAnnotations(project: number): AsyncGenerator<{ requestId: string; annotations: Annotation[] }>;
}

const project = z.object({ id: z.number(), title: z.string(), label_config: z.string().default('') });
export type Project = z.output<typeof project>;

const tasksPage = z.object({
  total: z.number(),
  tasks: z.array(
    z.object({
      id: z.number(),
      data: z.looseObject({ request_id: z.string().optional().catch(undefined) }),
      annotations: z.array(annotationSchema).optional().catch(undefined),
    }),
  ),
});
const annotated = {
  filters: {
    conjunction: 'and',
    items: [{ filter: 'filter:tasks:total_annotations', operator: 'greater', type: 'Number', value: 0 }],
  },
};
const pageSize = 100;
const timeoutMs = 60_000;

/**
 * Label Studio's HTTP API. `token` is a personal access token, which is exchanged for one that lives for minutes, or one of
 * the older kind, which is sent as it is.
 */
export function openLabelStudio({ url, token }: { url: string; token: string }): LabelStudio {
  const base = url.replace(/\/$/, '');
  let access: { header: string; until: number } | undefined;

  async function send(method: 'GET' | 'POST' | 'PATCH', path: string, authorization?: string, body?: object) {
    try {
      const response = await request(`${base}${path}`, {
        ...{ method, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
        headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (cause) {
      throw new RelearnError('label_studio_failed', `Label Studio at ${base} does not answer. Does it run?`, { cause });
    }
  }

  async function authorize(): Promise<string> {
    if (token.split('.').length !== 3) return `Token ${token}`;
    if (access !== undefined && access.until > Date.now()) return access.header;
    const { status, text } = await send('POST', '/api/token/refresh/', undefined, { refresh: token });
    if (status !== 200) throw refusal(status, '/api/token/refresh/');
    const { access: short } = read(z.object({ access: z.string() }), text, '/api/token/refresh/');
    access = { header: `Bearer ${short}`, until: Date.now() + 60_000 };
    return access.header;
  }

  async function call<Schema extends z.ZodType>(
    ...[method, path, schema, body]: ['GET' | 'POST' | 'PATCH', string, Schema, object?]
  ): Promise<z.output<Schema>> {
    const { status, text } = await send(method, path, await authorize(), body);
    const route = path.replace(/\?.*/, '');
    if (status >= 300) throw refusal(status, route);
    return read(schema, text, route);
  }

  async function* pages(id: number, query: Record<string, string>) {
    for (let page = 1, seen = 0; ; page += 1) {
      const search = new URLSearchParams({ project: `${id}`, page: `${page}`, page_size: `${pageSize}`, ...query });
      const { total, tasks } = await call('GET', `/api/tasks?${search.toString()}`, tasksPage);
      yield* tasks;
      seen += tasks.length;
      if (tasks.length === 0 || seen >= total) return;
    }
  }

  return {
    async findProject(title) {
      const search = new URLSearchParams({ title, page_size: `${pageSize}` });
      const { results } = await call(
        'GET',
        `/api/projects/?${search.toString()}`,
        z.object({ results: z.array(project) }),
      );
      return results.find((one) => one.title === title);
    },
    getProject: (id) => call('GET', `/api/projects/${id}/`, project),
    createProject: (title, label_config) => call('POST', '/api/projects/', project, { title, label_config }),
    async changeLabelConfig(id, label_config) {
      await call('PATCH', `/api/projects/${id}/`, project, { label_config });
    },
    async importTasks(id, tasks) {
      const body = tasks.map((data) => ({ data }));
      const imported = z.object({ task_ids: z.array(z.number()).length(tasks.length) });
      return (await call('POST', `/api/projects/${id}/import?return_task_ids=true`, imported, body)).task_ids;
    },
    async *listTasks(id) {
      for await (const { id: task, data } of pages(id, { fields: 'task_only' })) {
        if (data.request_id !== undefined) yield { id: task, requestId: data.request_id };
      }
    },
    async *listAnnotations(id) {
      const query = { fields: 'all', query: JSON.stringify(annotated) };
      for await (const { data, annotations = [] } of pages(id, query)) {
        if (data.request_id !== undefined) yield { requestId: data.request_id, annotations };
      }
    },
  };
}

/** Its own message is left out: it may quote a text. */
function refusal(status: number, route: string): RelearnError {
  const hint =
    status === 401 || status === 403
      ? 'Check the token that labelStudio.tokenEnv names.'
      : 'Check labelStudio.url and labelStudio.project.';
  return new RelearnError('label_studio_failed', `Label Studio answered ${route} with ${status}. ${hint}`, {
    details: { status: `${status}` },
  });
}

function read<Schema extends z.ZodType>(schema: Schema, text: string, route: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new RelearnError('label_studio_failed', `Label Studio answered ${route} with something else than agreed.`);
  }
}
