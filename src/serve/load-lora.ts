import { z } from 'zod';
import { RelearnError } from '../errors.ts';

const answerWithinMs = 60_000;

interface Adapter {
  name: string;
  path: string;
  apiKey: string | undefined;
}

/**
 * Has a vLLM load a version's adapter (`POST /v1/load_lora_adapter`, runtime updating must be allowed there). One that is loaded
 * already is as good. Throws `upstream_failed`, without the endpoint's own words, or `invalid_artifact` when another
 * adapter is loaded under its name.
 */
export async function loadLoraAdapter(url: string, adapter: Adapter): Promise<void> {
  const { name, path } = adapter;
  const body = JSON.stringify({ lora_name: name, lora_path: path });
  const response = await ask(url, '/load_lora_adapter', adapter, { method: 'POST', body });
  const said = await response.text();
  if (response.ok) return;
  if (response.status === 400 && /already been loaded/.test(said)) return requireSameAdapter(url, adapter);
  throw new RelearnError(
    'upstream_failed',
    `The upstream does not load adapter ${name} (status ${response.status}). Wanted a vLLM with --enable-lora and ` +
      'VLLM_ALLOW_RUNTIME_LORA_UPDATING=True that can read the adapter; otherwise set serve.lora to false.',
  );
}

/** As vLLM lists adapters: `root` is where it found the weights. */
const listed = z.object({ data: z.array(z.object({ id: z.string(), root: z.string().nullish() })) });

/** What is not listed with a folder cannot be told apart, and is taken for the same. */
async function requireSameAdapter(url: string, adapter: Adapter): Promise<void> {
  const { name, path } = adapter;
  const response = await ask(url, '/models', adapter, { method: 'GET' });
  const models = listed.safeParse(await response.json().catch(() => undefined)).data?.data ?? [];
  const root = models.find(({ id }) => id === name)?.root ?? path;
  if (root === path || root === name) return;
  throw new RelearnError(
    'invalid_artifact',
    `The upstream has another adapter loaded under the name ${name}, whose weights would answer for this version. ` +
      'Wanted a name of its own for each run, such as RELEARN_RUN; or unload the other one there.',
  );
}

async function ask(
  url: string,
  route: string,
  { name, apiKey }: Adapter,
  request: { method: string; body?: string },
): Promise<Response> {
  return fetch(`${url.replace(/\/$/, '')}${route}`, {
    ...request,
    headers: {
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((cause: unknown) => {
    throw new RelearnError('upstream_failed', `The upstream does not load adapter ${name}: it does not answer.`, {
      cause,
    });
  });
}
