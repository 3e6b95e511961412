import protobuf from 'protobufjs';
import { z } from 'zod';
import { onnxModel } from '../embedded/onnx-format.ts';
import { dataType } from '../embedded/onnx-parts.ts';

/** An empty value is an empty array to protobufjs. */
const bytes = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array || (Array.isArray(value) && value.length === 0),
);
const attributeSchema = z.object({ name: z.string(), s: bytes, strings: z.array(bytes), ints: z.array(z.unknown()) });
const stepSchema = z.object({
  opType: z.string(),
  input: z.array(z.string()),
  output: z.array(z.string()),
  attribute: z.array(attributeSchema),
});
const tensorType = z.object({ elemType: z.number(), shape: z.object({ dim: z.array(z.unknown()) }).nullish() });
const valueSchema = z.object({ name: z.string(), type: z.object({ tensorType: tensorType.nullish() }).nullish() });
const modelSchema = z.object({
  graph: z.object({
    node: z.array(stepSchema),
    input: z.array(valueSchema),
    output: z.array(valueSchema),
    initializer: z.array(z.object({ name: z.string() })),
  }),
});
type Step = z.output<typeof stepSchema>;
/** Checked in place: a copy would lose the fields that are unknown to us. */
const decodedModel = z.custom<z.output<typeof modelSchema>>((value) => modelSchema.safeParse(value).success);
export type GraphValue = z.output<typeof valueSchema>;

export interface Rewritten {
  bytes: Uint8Array;
  /** What was changed, for people. */
  changes: string[];
  inputs: GraphValue[];
  outputs: GraphValue[];
  /** Names of the labels, where the file has them. */
  labels: string[];
}

/** The only locale every machine has; `en_US.UTF-8` is missing in most containers. Lower-casing is the same. */
const locale = 'C.UTF-8';

/**
 * Rewrites what onnxruntime-node cannot run of an exported pipeline: a StringNormalizer asks for a locale the machine may lack,
 * and a ZipMap gives maps, which the Node binding does not know: its input takes its place. All else stays as it is, fields
 * unknown to us included. Throws when the bytes are no ONNX model.
 */
export function rewritePipeline(file: Uint8Array): Rewritten {
  const reader = protobuf.Reader.create(file);
  reader.discardUnknown = false;
  const decoded = decodedModel.parse(onnxModel.decode(reader));
  const { graph } = decoded;
  const changes: string[] = [];
  const labels = graph.node.flatMap(({ attribute }) => attribute.filter(({ name }) => name.startsWith('classlabels')));
  for (const step of graph.node) {
    if (step.opType === 'StringNormalizer' && setLocale(step)) changes.push(`StringNormalizer: locale ${locale}`);
  }
  const maps = graph.node.filter(({ opType }) => opType === 'ZipMap');
  for (const { input, output } of maps) {
    const [from = '', to = ''] = [input[0], output[0]];
    const shown = graph.output.find(({ name }) => name === to);
    if (shown !== undefined) Object.assign(shown, { name: from, type: { tensorType: { elemType: dataType.float } } });
    changes.push(`ZipMap dropped: the output ${to} is ${from} now, a number for each label`);
  }
  graph.node = graph.node.filter((step) => !maps.includes(step));
  const held = new Set(graph.initializer.map(({ name }) => name));
  return {
    ...{ bytes: onnxModel.encode(decoded).finish(), changes, outputs: graph.output },
    inputs: graph.input.filter(({ name }) => !held.has(name)),
    labels: labels.map(namesOf).find((names) => names.length > 0) ?? [],
  };
}

/** A missing locale means en_US to onnxruntime. False when it is C.UTF-8 already. */
function setLocale({ attribute }: Step): boolean {
  const wanted = Buffer.from(locale);
  const given = attribute.find(({ name }) => name === 'locale');
  if (given !== undefined && wanted.equals(given.s)) return false;
  if (given !== undefined) given.s = wanted;
  else attribute.push(newText('locale', wanted));
  return true;
}

/** A plain object is encoded like a message; `type` is AttributeProto.STRING. */
function newText(name: string, s: Uint8Array): Step['attribute'][number] {
  return Object.assign({ name, s, strings: [], ints: [] }, { type: 3 });
}

function namesOf({ strings, ints }: Step['attribute'][number]): string[] {
  return strings.length > 0 ? strings.map((name) => Buffer.from(name).toString()) : ints.map(String);
}
