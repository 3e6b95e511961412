import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const createSchema = z.object({
  model: z.string(),
  training_file: z.string(),
  suffix: z.string().max(18),
  seed: z.number(),
  metadata: z.record(z.string(), z.string()),
});

interface Job {
  id: string;
  object: 'fine_tuning.job';
  status: string;
  fine_tuned_model: string | null;
  metadata: Record<string, string> | null;
  user_provided_suffix: string | null;
  error: { code: string; message: string } | null;
}

/**
 * A fake of a paid service: the part of OpenAI's fine-tuning API that the trainer uses (files, jobs: create, list, get, cancel), on
 * a port of its own. A job runs until the test ends it.
 */
export async function startFakeFineTuningApi() {
  const jobs: Job[] = [];
  const files: string[] = [];
  const polls: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, json } = answer(request.method ?? '', new URL(request.url ?? '', 'http://fake'), body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    });
  });

  function answer(method: string, url: URL, body: string): { status: number; json: unknown } {
    const [, job, action] = /^\/v1\/fine_tuning\/jobs\/([^/]+)(\/cancel)?$/.exec(url.pathname) ?? [];
    const found = jobs.find(({ id }) => id === job);
    if (method === 'POST' && url.pathname === '/v1/files') {
      files.push(body);
      return { status: 200, json: { id: `file-${files.length}`, object: 'file' } };
    }
    if (method === 'POST' && url.pathname === '/v1/fine_tuning/jobs') {
      const { metadata, suffix, model } = createSchema.parse(JSON.parse(body));
      if (model === 'refused') {
        return { status: 400, json: { error: { message: 'row 3, jane.doe@example.com, is too long' } } };
      }
      const made: Job = {
        ...{ id: `ftjob-${jobs.length + 1}`, object: 'fine_tuning.job', status: 'running', fine_tuned_model: null },
        ...{ metadata, user_provided_suffix: suffix, error: null },
      };
      jobs.unshift(made);
      return { status: 200, json: made };
    }
    if (method === 'GET' && url.pathname === '/v1/fine_tuning/jobs') {
      const after = jobs.findIndex(({ id }) => id === url.searchParams.get('after')) + 1;
      const data = jobs.slice(after, after + 2); // small pages, so that the second one is asked for
      return { status: 200, json: { object: 'list', data, has_more: after + 2 < jobs.length } };
    }
    if (found === undefined) return { status: 404, json: { error: { message: 'no such job' } } };
    if (action !== undefined) found.status = 'cancelled';
    else polls.push(found.id);
    return { status: 200, json: found };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    ...{ jobs, files, polls },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
