import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxModel } from '../../../src/retrain/embedded/onnx-format.ts';
import { dataType, node, tensor, value } from '../../../src/retrain/embedded/onnx-parts.ts';

const plainWords = 'rain wind sunny cold weather bank loan card money account'.split(' ');

/**
 * A sentence encoder of one table: each token has a vector of its own, but words of one of `meanings` share theirs. Real
 * ONNX, run by the real runtime.
 */
export async function writeTinyEncoder(
  directory: string,
  meanings: readonly (readonly string[])[] = plainWords.map((word) => [word]),
): Promise<{ encoder: string; tokenizer: string }> {
  const marks = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
  const tokens = [...marks, ...meanings.flat()];
  const size = tokens.length;
  const table = new Float32Array(size * size);
  const places = [...marks.map((mark) => [mark]), ...meanings].flatMap((same, place) => same.map(() => place));
  for (const [token, place] of places.entries()) table[token * size + place] = 1;
  const shape = ['texts', 'tokens'];
  const model = {
    ...{ irVersion: 8, producerName: 'test', opsetImport: [{ domain: '', version: 17 }] },
    graph: {
      name: 'encoder',
      node: [node('Gather', ['table', 'input_ids'], 'last_hidden_state')],
      initializer: [tensor('table', dataType.float, [size, size], table)],
      input: [value('input_ids', dataType.int64, shape), value('attention_mask', dataType.int64, shape)],
      output: [value('last_hidden_state', dataType.float, [...shape, size])],
    },
  };
  const [encoder, tokenizer] = [join(directory, 'encoder.onnx'), join(directory, 'vocab.txt')];
  await writeFile(encoder, onnxModel.encode(onnxModel.fromObject(model)).finish());
  await writeFile(tokenizer, tokens.join('\n'));
  return { encoder, tokenizer };
}
