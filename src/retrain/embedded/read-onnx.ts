import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { classifierMetadataSchema, metadataKey, onnxModelHead, type ClassifierMetadata } from './onnx-format.ts';

const headSchema = z.object({
  irVersion: z.coerce.number().min(1),
  producerName: z.string().default(''),
  metadataProps: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
});

/** An ONNX file's bytes and what it says of itself. */
export interface OnnxFile {
  path: string;
  bytes: Uint8Array;
  producer: string;
  metadata: Map<string, string>;
}

/** Throws `invalid_artifact` for a file that is missing or is not ONNX. */
export async function readOnnxFile(path: string): Promise<OnnxFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new RelearnError('invalid_artifact', `Cannot read ${path} (${code}). ${wanted}`, { cause });
  });
  const head = parseHead(bytes);
  if (head === undefined) throw new RelearnError('invalid_artifact', `${path} is not an ONNX file. ${wanted}`);
  const metadata = new Map(head.metadataProps.map(({ key, value }) => [key, value]));
  return { path, bytes, producer: head.producerName, metadata };
}

/**
 * Reads the file of an embedded classifier: its bytes and what its metadata says. Throws `invalid_artifact` for a file that
 * is missing, is not ONNX, or was not exported by Relearn.
 */
export async function readOnnx(path: string): Promise<{ bytes: Uint8Array; metadata: ClassifierMetadata }> {
  const file = await readOnnxFile(path);
  return { bytes: file.bytes, metadata: readMetadata(file, metadataKey, classifierMetadataSchema) };
}

const wanted = 'Wanted an ONNX classifier exported by `relearn train` or a retrain run.';

/** One of our metadata entries. Throws `invalid_artifact` when it is missing or of another release. */
export function readMetadata<Schema extends z.ZodType>(
  { path, producer, metadata }: OnnxFile,
  key: string,
  schema: Schema,
): z.output<Schema> {
  const entry = metadata.get(key);
  if (entry === undefined) {
    const keys = [...metadata.keys()].join(', ') || 'none';
    throw new RelearnError(
      'invalid_artifact',
      `${path} is an ONNX file by ${producer || 'an unnamed producer'} with metadata keys: ${keys}. ` +
        `${wanted} Such a file has the key ${key}.`,
    );
  }
  const parsed = schema.safeParse(parseJson(entry));
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0];
  throw new RelearnError(
    'invalid_artifact',
    `${path}: metadata ${key}: ${problem?.path.join('.') || 'value'}: ${problem?.message}. ` +
      'Wanted what this release writes: train the version again with it.',
  );
}

function parseHead(bytes: Uint8Array): z.output<typeof headSchema> | undefined {
  try {
    return headSchema.parse(onnxModelHead.toObject(onnxModelHead.decode(bytes), { longs: Number }));
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
