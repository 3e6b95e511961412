import { InferenceSession, Tensor } from 'onnxruntime-node';
import { errorMessage, RelearnError } from '../../errors.ts';
import { redactorVersion } from '../../log/redact/index.ts';
import { onnxModel } from '../embedded/onnx-format.ts';
import { sessionOptions } from '../encoder/encode.ts';
import { pipelineKey, type PipelineMetadata } from './pipeline-format.ts';
import { rewritePipeline, type GraphValue, type Rewritten } from './rewrite.ts';
import { kindOfScores, type ScoreKind } from './scores.ts';

/** TensorProto.DataType of a string. */
const stringType = 8;
/** Asked once: what adds up to one for all of these is a probability. */
const probes = ['', 'a', 'what is my balance', 'Please CALL me back tomorrow', 'zzz 123 !?'];

export interface ImportedPipeline {
  /** The file to serve. */
  bytes: Uint8Array;
  /** What was changed or cannot be known, for people. */
  notes: string[];
}

/**
 * Makes a text pipeline that another tool exported as ONNX (scikit-learn by skl2onnx) one that this project serves: rewrites what
 * the Node binding cannot run, runs it, and notes what its outputs mean. `path` names the file in errors. Throws
 * `invalid_artifact`.
 */
export async function importPipeline(file: Uint8Array, path: string): Promise<ImportedPipeline> {
  const refuse = (why: string, cause?: unknown) =>
    new RelearnError(
      'invalid_artifact',
      `${path} cannot be served: ${why}. Wanted an ONNX text classifier with one string input and two outputs, label and ` +
        'probabilities or scores. docs/trainers.md says how to export one.',
      { cause },
    );
  const rewritten = attempt(file, refuse);
  const input = readInput(rewritten.inputs);
  if (input === undefined) throw refuse(`its inputs are ${describe(rewritten.inputs)}`);
  const session = await InferenceSession.create(rewritten.bytes, sessionOptions).catch((cause: unknown) => {
    throw refuse(`onnxruntime cannot load it (${reasonOf(cause)})`, cause);
  });
  try {
    const shape = input.rank === 1 ? [probes.length] : [probes.length, 1];
    const given = await session.run({ [input.name]: new Tensor('string', probes, shape) }).catch((cause: unknown) => {
      throw refuse(`it does not answer (${reasonOf(cause)})`, cause);
    });
    const label = Object.entries(given).find(([, { type }]) => type === 'string' || type === 'int64');
    const scores = Object.entries(given).find(([, { type }]) => type === 'float32');
    const numbers = scores?.[1].data;
    if (label === undefined || scores === undefined || !(numbers instanceof Float32Array)) {
      throw refuse(`its outputs are ${describe(rewritten.outputs)}`);
    }
    const kind = kindOfScores(numbers, numbers.length / probes.length);
    const metadata: PipelineMetadata = {
      ...{ format: 1, input, outputs: { label: label[0], scores: scores[0] }, scores: kind },
      ...{ labels: rewritten.labels, redactorVersion: redactorVersion(), lowConfidenceBelow: null },
    };
    return { bytes: withMetadata(rewritten.bytes, metadata), notes: [...rewritten.changes, ...notesOn(kind)] };
  } finally {
    await session.release();
  }
}

function attempt(file: Uint8Array, refuse: (why: string, cause?: unknown) => RelearnError): Rewritten {
  try {
    return rewritePipeline(file);
  } catch (cause) {
    throw refuse('it is not an ONNX model', cause);
  }
}

function readInput(inputs: readonly GraphValue[]): PipelineMetadata['input'] | undefined {
  const [input, ...more] = inputs;
  const type = input?.type?.tensorType;
  if (input === undefined || more.length > 0 || type?.elemType !== stringType) return undefined;
  return { name: input.name, rank: (type.shape?.dim.length ?? 2) === 1 ? 1 : 2 };
}

function notesOn(kind: ScoreKind): string[] {
  if (kind === 'probabilities') return [];
  return [
    'Scores, not probabilities: the log-probability is that of their softmax. It ranks answers and is not calibrated; ' +
      'wrap the classifier in CalibratedClassifierCV for probabilities.',
  ];
}

function describe(values: readonly GraphValue[]): string {
  return values.map(({ name }) => name).join(', ') || 'none';
}

/** The first line of what onnxruntime says: it names operators and attributes of the user's own file. */
function reasonOf(cause: unknown): string {
  return errorMessage(cause).split('\n')[0]?.slice(0, 300) ?? '';
}

/** Appended: messages of protobuf one after the other are merged. */
function withMetadata(bytes: Uint8Array, metadata: PipelineMetadata): Uint8Array {
  const more = { metadataProps: [{ key: pipelineKey, value: JSON.stringify(metadata) }] };
  return Buffer.concat([bytes, onnxModel.encode(onnxModel.fromObject(more)).finish()]);
}
