import assert from 'node:assert/strict';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { openArtifactDirectory } from '../../../src/promote/artifacts.ts';
import type { Version } from '../../../src/promote/registry.ts';
import { trainEncoderInThread } from '../../../src/retrain/embedded/train-in-thread.ts';
import { loadOnnxModel } from '../../../src/serve/onnx.ts';
import { createChampionEmbed } from '../../../src/watch/clusters/champion-embed.ts';
import { cacheEmbeddings } from '../../../src/watch/clusters/embed-cache.ts';
import { makeDirectory, trainSmallModel, writeJsonl } from '../../retrain/embedded/synthetic.ts';
import { writeTinyEncoder } from '../../retrain/encoder/tiny-encoder.ts';

const rows = [
  ...['rain wind', 'sunny', 'cold wind'].map((prompt) => ({ prompt, completion: 'weather' })),
  ...['bank loan', 'card', 'money account'].map((prompt) => ({ prompt, completion: 'banking' })),
];

function champion(artifact: string | null, version = 'v1'): Version {
  return {
    ...{ model: 'topics', version, kind: artifact === null ? 'upstream' : 'onnx', artifact, dataset: null },
    ...{ parent: null, run: null, lowConfidenceBelow: null, metadata: {} },
  };
}

/** A store with an encoder and a classifier of n-grams. */
async function openStore(context: TestContext) {
  const directory = await makeDirectory(context);
  const output = join(directory, 'model.onnx');
  const files = { base: await writeJsonl(join(directory, 'base.jsonl'), rows), calibration: [] };
  const job = { files, ...(await writeTinyEncoder(directory)), maxTokens: 16, output, seed: 1, epochs: 5 };
  await trainEncoderInThread({ ...job, redactorVersion: redactorVersion() });
  const store = join(directory, 'artifacts');
  const artifacts = openArtifactDirectory(store);
  const encoder = await artifacts.put(output);
  const plain = await artifacts.put(await trainSmallModel(await makeDirectory(context)));
  return { artifacts, encoder, plain, output, fileOf: (digest: string) => join(store, digest) };
}

test('an encoder that is champion gives its own vectors, and those it gave before without being loaded again', async (context) => {
  const { artifacts, encoder, output, fileOf } = await openStore(context);
  const served = await loadOnnxModel(output, 'v1');
  context.after(() => served.close());
  const championEmbed = createChampionEmbed(artifacts);
  const texts = ['cold rain', 'a card', 'cold rain', ''];
  const embed = await championEmbed(champion(encoder));
  const vectors = await embed?.(texts);
  assert.deepEqual(vectors, await served.embed?.(texts));

  await rm(fileOf(encoder));
  const again = await championEmbed(champion(encoder));
  assert.deepEqual(await again?.(texts), vectors);
  await assert.rejects(again?.(['sunny']) ?? Promise.resolve(), { code: 'invalid_artifact', message: /is not in/ });
});

test('an artifact with another digest embeds nothing', async (context) => {
  const { artifacts, encoder, fileOf } = await openStore(context);
  await appendFile(fileOf(encoder), 'more');
  await assert.rejects(createChampionEmbed(artifacts)(champion(encoder)), { message: /is damaged/ });
});

test('classifiers of n-grams and endpoints have no vectors; a champion that follows is asked anew', async (context) => {
  const { artifacts, encoder, plain } = await openStore(context);
  const championEmbed = createChampionEmbed(artifacts);
  assert.equal(await championEmbed(champion(null)), null);
  assert.equal(await championEmbed(champion(plain)), null);
  assert.notEqual(await championEmbed(champion(encoder, 'v2')), null);
  assert.equal(await championEmbed(champion(plain, 'v3')), null);
});

test('texts that an aborted call has embedded are not embedded again, and what was opened is closed', async () => {
  const asked: string[] = [];
  const stop = new AbortController();
  let open = 0;
  const embed = cacheEmbeddings(() => {
    open += 1;
    return Promise.resolve({
      embed: (texts) => {
        asked.push(...texts);
        if (texts.includes('b')) stop.abort(new Error('enough'));
        return Promise.resolve(texts.map((text) => Float32Array.of(text.charCodeAt(0))));
      },
      close: () => Promise.resolve(void (open -= 1)),
    });
  }, 1);
  await assert.rejects(embed(['a', 'b', 'a', 'c'], stop.signal), /enough/);
  assert.deepEqual(
    await embed(['c', 'a', 'b']),
    [99, 97, 98].map((code) => Float32Array.of(code)),
  );
  assert.deepEqual(asked, ['a', 'b', 'c']);
  assert.equal(open, 0);
});
