import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxModel } from '../../../src/retrain/embedded/onnx-format.ts';
import { dataType, node, tensor, value } from '../../../src/retrain/embedded/onnx-parts.ts';

/** A sentence encoder of one table: each token has a vector of its own. Real ONNX, run by the real runtime. */
export async function writeTinyEncoder(directory: string): Promise<{ encoder: string; tokenizer: string }> {
  const words = [...new Set('rain wind sunny cold weather bank loan card money account'.split(' '))];
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...words];
  const size = tokens.length;
  const table = new Float32Array(size * size);
  for (let at = 0; at < size; at += 1) table[at * size + at] = 1;
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
