import protobuf from 'protobufjs';
import { z } from 'zod';
import { featurizerVersion } from './featurize.ts';

/** The part of onnx.proto (onnx/onnx, IR version 8) that our files use; ids are the standard's. */
const onnx = protobuf.Root.fromJSON({
  nested: {
    Model: message(
      ['irVersion', 1, 'int64'],
      ['producerName', 2, 'string'],
      ['graph', 7, 'Graph'],
      ['opsetImport', 8, 'Opset', 'repeated'],
      ['metadataProps', 14, 'Entry', 'repeated'],
    ),
    /** To read what a file says of itself without unpacking its weights. */
    ModelHead: message(
      ['irVersion', 1, 'int64'],
      ['producerName', 2, 'string'],
      ['metadataProps', 14, 'Entry', 'repeated'],
    ),
    Opset: message(['domain', 1, 'string'], ['version', 2, 'int64']),
    Entry: message(['key', 1, 'string'], ['value', 2, 'string']),
    Graph: message(
      ['node', 1, 'Node', 'repeated'],
      ['name', 2, 'string'],
      ['initializer', 5, 'Tensor', 'repeated'],
      ['input', 11, 'ValueInfo', 'repeated'],
      ['output', 12, 'ValueInfo', 'repeated'],
    ),
    Node: message(
      ['input', 1, 'string', 'repeated'],
      ['output', 2, 'string', 'repeated'],
      ['opType', 4, 'string'],
      ['attribute', 5, 'Attribute', 'repeated'],
    ),
    Attribute: message(
      ['name', 1, 'string'],
      ['i', 3, 'int64'],
      ['s', 4, 'bytes'],
      ['ints', 8, 'int64', 'repeated'],
      ['strings', 9, 'bytes', 'repeated'],
      ['type', 20, 'int32'],
    ),
    Tensor: message(
      ['dims', 1, 'int64', 'repeated'],
      ['dataType', 2, 'int32'],
      ['name', 8, 'string'],
      ['rawData', 9, 'bytes'],
    ),
    ValueInfo: message(['name', 1, 'string'], ['type', 2, 'TypeInfo']),
    TypeInfo: message(['tensorType', 1, 'TensorType']),
    TensorType: message(['elemType', 1, 'int32'], ['shape', 2, 'Shape']),
    Shape: message(['dim', 1, 'Dimension', 'repeated']),
    Dimension: message(['dimValue', 1, 'int64'], ['dimParam', 2, 'string']),
  },
});

export const onnxModel = onnx.lookupType('Model');
export const onnxModelHead = onnx.lookupType('ModelHead');

/** The one metadata key of our files; its value is JSON. */
export const metadataKey = 'relearn.classifier';

/** What travels in the ONNX file beside its graph. */
export const classifierMetadataSchema = z.object({
  format: z.literal(1),
  featurizer: z.object({
    version: z.literal(featurizerVersion),
    buckets: z
      .number()
      .int()
      .min(2)
      .refine((buckets) => Number.isInteger(Math.log2(buckets)), 'wanted a power of two'),
    wordMax: z.union([z.literal(1), z.literal(2)]),
    charMin: z.number().int().min(1),
    charMax: z.number().int().min(1).max(16),
  }),
  /** By output index. */
  labels: z.array(z.string()).min(2),
  /** The redactor whose output the model learned from (invariant 12). */
  redactorVersion: z.string().min(1),
  /** Natural log: an answer below it is of low confidence. */
  lowConfidenceBelow: z.number().max(0).nullable(),
  trainer: z.object({
    kind: z.literal('embedded'),
    seed: z.number().int(),
    epochs: z.number().int(),
    repeatDataset: z.number().int(),
  }),
  /** How many rows it learned from. */
  rows: z.number().int(),
});
export type ClassifierMetadata = z.output<typeof classifierMetadataSchema>;

function message(...fields: [name: string, id: number, type: string, rule?: 'repeated'][]): protobuf.IType {
  return {
    fields: Object.fromEntries(
      fields.map(([name, id, type, rule]) => [name, rule === undefined ? { id, type } : { id, type, rule }]),
    ),
  };
}
