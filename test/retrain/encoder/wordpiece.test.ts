import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTokenizer, readWordPiece } from '../../../src/retrain/encoder/wordpiece.ts';
import { makeDirectory } from '../embedded/synthetic.ts';

const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'un', '##aff', '##able', 'cafe', ',', '日', 'the', '##s'];

test('texts are cut as BERT cuts them: case, accents, punctuation, Chinese, the longest piece first', async (context) => {
  const file = join(await makeDirectory(context), 'vocab.txt');
  await writeFile(file, `${tokens.join('\n')}\n`);
  const tokenize = createTokenizer(await readWordPiece(file, 16));
  assert.deepEqual(tokenize('UNaffable, Cafés'), [2, 4, 5, 6, 8, 7, 11, 3]);
  assert.deepEqual(tokenize('the日the'), [2, 10, 9, 10, 3]);
  assert.deepEqual(tokenize('unknowable \u0000 the\ud800'), [2, 1, 10, 3]);
  assert.deepEqual(tokenize(''), [2, 3]);
  assert.equal(tokenize('the '.repeat(100)).length, 16);
});

test('a tokenizer.json says the same as its vocab.txt', async (context) => {
  const directory = await makeDirectory(context);
  const json = {
    normalizer: { type: 'BertNormalizer', lowercase: true, strip_accents: null },
    model: { type: 'WordPiece', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) },
  };
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(json));
  await writeFile(join(directory, 'vocab.txt'), tokens.join('\n'));
  assert.deepEqual(
    await readWordPiece(join(directory, 'tokenizer.json'), 8),
    await readWordPiece(join(directory, 'vocab.txt'), 8),
  );
});

test('a tokenizer of another kind is refused, naming what is wanted', async (context) => {
  const directory = await makeDirectory(context);
  const file = join(directory, 'tokenizer.json');
  await writeFile(file, JSON.stringify({ model: { type: 'BPE', vocab: {} } }));
  await assert.rejects(readWordPiece(file, 8), { code: 'invalid_artifact', message: /model\.type: not a WordPiece/ });
  await writeFile(join(directory, 'vocab.txt'), 'a\nb\n');
  await assert.rejects(readWordPiece(join(directory, 'vocab.txt'), 8), {
    message: /it lacks \[CLS\], \[SEP\], \[UNK\]/,
  });
});
