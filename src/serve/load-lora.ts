import { RelearnError } from '../errors.ts';

const answerWithinMs = 60_000;

/**
 * Has a vLLM load a version's adapter (`POST /v1/load_lora_adapter`, runtime updating must be allowed there). One that is loaded
 * already is as good. Throws `upstream_failed`, without the endpoint's own words.
 */
export async function loadLoraAdapter(
  url: string,
  { name, path, apiKey }: { name: string; path: string; apiKey: string | undefined },
): Promise<void> {
  const response = await fetch(`${url.replace(/\/$/, '')}/load_lora_adapter`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify({ lora_name: name, lora_path: path }),
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((cause: unknown) => {
    throw new RelearnError('upstream_failed', `The upstream does not load adapter ${name}: it does not answer.`, {
      cause,
    });
  });
  const said = await response.text();
  if (response.ok || (response.status === 400 && /already been loaded/.test(said))) return;
  throw new RelearnError(
    'upstream_failed',
    `The upstream does not load adapter ${name} (status ${response.status}). Wanted a vLLM with --enable-lora and ` +
      'VLLM_ALLOW_RUNTIME_LORA_UPDATING=True that can read the adapter; otherwise set serve.lora to false.',
  );
}
