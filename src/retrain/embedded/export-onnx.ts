import type { Classifier } from './classify.ts';
import { dataType, node, tensor, value } from './onnx-parts.ts';
import { metadataKey, onnxModel, type ClassifierMetadata } from './onnx-format.ts';

/**
 * A classifier as one ONNX file (IR 8, opset 17, standard operators only).
 * Inputs: `ids` int32 [texts, features] and `weights` float32 [texts, features], as the featuriser gives them, rows padded
 * with weight 0. Outputs: `label` int64 [texts], an index into the metadata's labels, and `logprobs` float32 [texts, labels].
 */
export function exportOnnx(classifier: Classifier, metadata: Omit<ClassifierMetadata, 'format'>): Uint8Array {
  const { labels, featurizer } = classifier;
  const graph = {
    name: 'relearn_classifier',
    node: [
      // x = weights * idf, scaled to length 1
      node('Gather', ['idf', 'ids'], 'rarity'),
      node('Mul', ['weights', 'rarity'], 'weighted'),
      node('ReduceL2', ['weighted'], 'length', { axes: [1], keepdims: 1 }),
      node('Max', ['length', 'least'], 'divisor'),
      node('Div', ['weighted', 'divisor'], 'x'),
      // [texts, 1, features] times [texts, features, labels]: the weighted sum of each text's rows
      node('Unsqueeze', ['x', 'middle'], 'row'),
      node('Gather', ['table', 'ids'], 'rows'),
      node('MatMul', ['row', 'rows'], 'sums'),
      node('Squeeze', ['sums', 'middle'], 'scores'),
      node('LogSoftmax', ['scores'], 'logprobs', { axis: 1 }),
      node('ArgMax', ['logprobs'], 'label', { axis: 1, keepdims: 0 }),
    ],
    initializer: [
      tensor('idf', dataType.float, [featurizer.buckets], classifier.idf),
      tensor('table', dataType.float, [featurizer.buckets, labels.length], classifier.weights),
      tensor('least', dataType.float, [], Float32Array.of(1e-12)),
      tensor('middle', dataType.int64, [1], BigInt64Array.of(1n)),
    ],
    input: [
      value('ids', dataType.int32, ['texts', 'features']),
      value('weights', dataType.float, ['texts', 'features']),
    ],
    output: [value('label', dataType.int64, ['texts']), value('logprobs', dataType.float, ['texts', labels.length])],
  };
  const props: ClassifierMetadata = { format: 1, ...metadata };
  return onnxModel
    .encode(
      onnxModel.fromObject({
        irVersion: 8,
        producerName: 'relearn',
        opsetImport: [{ domain: '', version: 17 }],
        graph,
        metadataProps: [{ key: metadataKey, value: JSON.stringify(props) }],
      }),
    )
    .finish();
}
