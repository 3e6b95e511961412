import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding.js';
import proto from '@temporalio/proto';
import { RelearnError } from '../errors.ts';
import type { PayloadKey } from './keys.ts';

const payloadType = proto.temporal.api.common.v1.Payload;
const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;
const encrypted = 'binary/encrypted';
const keyIdField = 'encryption-key-id';

/**
 * Encrypts what Temporal stores: AES-256-GCM over the whole payload, a fresh IV in front and the tag behind, the key's id
 * in the metadata. This is the form of the encryption samples of Temporal's SDKs, so theirs can read it, too. The first
 * key encrypts, all decrypt; without keys everything is stored as it is. What is not encrypted is read as it is. Throws
 * `payload_unreadable` for a key it does not know, or that does not fit.
 */
export function createPayloadCodec(keys: readonly PayloadKey[]): PayloadCodec {
  const [first] = keys;
  const known = new Map(keys.map((key) => [key.id, key]));

  function unseal(payload: Payload): Payload {
    if (read(payload, 'encoding') !== encrypted) return payload;
    const id = read(payload, keyIdField);
    const key = known.get(id);
    if (key === undefined) throw unknownKey(id, [...known.keys()]);
    return openWith(key, payload.data ?? new Uint8Array());
  }

  return {
    encode: async (payloads) => (first === undefined ? payloads : payloads.map((payload) => sealWith(first, payload))),
    decode: async (payloads) => payloads.map(unseal),
  };
}

function sealWith({ id, key }: PayloadKey, payload: Payload): Payload {
  const iv = randomBytes(ivBytes);
  const sealing = createCipheriv(cipher, key, iv);
  const text = [sealing.update(payloadType.encode(payload).finish()), sealing.final()];
  return {
    metadata: { encoding: encode(encrypted), [keyIdField]: encode(id) },
    data: new Uint8Array(Buffer.concat([iv, ...text, sealing.getAuthTag()])),
  };
}

function openWith({ id, key }: PayloadKey, data: Uint8Array): Payload {
  try {
    const opening = createDecipheriv(cipher, key, data.subarray(0, ivBytes), { authTagLength: tagBytes });
    opening.setAuthTag(data.subarray(-tagBytes));
    const text = [opening.update(data.subarray(ivBytes, -tagBytes)), opening.final()];
    return payloadType.decode(Buffer.concat(text));
  } catch (cause) {
    const message = `A payload was encrypted with another key ${id} than the one in RELEARN_PAYLOAD_KEYS, or was changed.`;
    throw new RelearnError('payload_unreadable', `${message} Set the key that it was encrypted with.`, { cause });
  }
}

function unknownKey(id: string, known: readonly string[]): RelearnError {
  const have = known.length === 0 ? 'is not set' : `knows ${known.join(', ')}`;
  return new RelearnError(
    'payload_unreadable',
    `A payload was encrypted with the key ${id.slice(0, 64)}, and RELEARN_PAYLOAD_KEYS ${have}. ` +
      'Add that key behind the others, here and on every worker, until nothing needs it any more.',
  );
}

function read({ metadata }: Payload, field: string): string {
  const value = metadata?.[field];
  return value == null ? '' : decode(value);
}
