import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { classifierMetadataSchema, metadataKey, onnxModelHead, type ClassifierMetadata } from './onnx-format.ts';

const headSchema = z.object({
  irVersion: z.coerce.number().min(1),
  producerName: z.string().default(''),
  metadataProps: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
});

/**
 * Reads a classifier's file: its bytes and what its metadata says. Throws `invalid_artifact` for a file that is missing, is
 * not ONNX, or was not exported by Relearn.
 */
export async function readOnnx(path: string): Promise<{ bytes: Uint8Array; metadata: ClassifierMetadata }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new RelearnError('invalid_artifact', `Cannot read ${path} (${code}). ${wanted}`, { cause });
  });
  return { bytes, metadata: parseMetadata(bytes, path) };
}

const wanted = 'Wanted an ONNX classifier exported by `relearn train` or a retrain run.';

function parseMetadata(bytes: Uint8Array, path: string): ClassifierMetadata {
  const head = parseHead(bytes);
  if (head === undefined) throw new RelearnError('invalid_artifact', `${path} is not an ONNX file. ${wanted}`);
  const entry = head.metadataProps.find(({ key }) => key === metadataKey);
  if (entry === undefined) {
    const keys = head.metadataProps.map(({ key }) => key).join(', ') || 'none';
    throw new RelearnError(
      'invalid_artifact',
      `${path} is an ONNX file by ${head.producerName || 'an unnamed producer'} with metadata keys: ${keys}. ` +
        `${wanted} Such a file has the key ${metadataKey}.`,
    );
  }
  const metadata = classifierMetadataSchema.safeParse(parseJson(entry.value));
  if (metadata.success) return metadata.data;
  const problem = metadata.error.issues[0];
  throw new RelearnError(
    'invalid_artifact',
    `${path}: metadata ${metadataKey}: ${problem?.path.join('.') || 'value'}: ${problem?.message}. ` +
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
