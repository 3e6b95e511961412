import { createSecretKey, type KeyObject } from 'node:crypto';
import { RelearnError } from '../errors.ts';

/** A key that payloads in Temporal are encrypted with. The id stands beside each payload, in the clear. */
export interface PayloadKey {
  id: string;
  key: KeyObject;
}

/** AES-256. */
const keyBytes = 32;
const wanted = 'Wanted id:key pairs with commas between them, such as 2026a:…, the key 32 bytes in base64';
const advice = 'Make one with: openssl rand -base64 32';

/**
 * Reads `id:base64key,…`: the first key encrypts, all decrypt. Nothing set means no encryption. Throws `invalid_config`,
 * which never quotes a key.
 */
export function readPayloadKeys(text: string | undefined): PayloadKey[] {
  if (text === undefined || text.trim() === '') return [];
  const keys = text.split(',').map((entry, index) => readKey(entry.trim(), index + 1));
  const twice = keys.find(({ id }, index) => keys.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw wrong(`the id ${twice.id} is given twice. ${wanted}, each id once`);
  return keys;
}

function readKey(entry: string, place: number): PayloadKey {
  const [, id, encoded] = /^([\w.-]{1,64}):([\w+/-]+={0,2})$/.exec(entry) ?? [];
  if (id === undefined || encoded === undefined) throw wrong(`entry ${place} cannot be read. ${wanted}`);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== keyBytes) {
    throw wrong(`the key ${id} has ${bytes.length} bytes, wanted ${keyBytes}, in base64`);
  }
  return { id, key: createSecretKey(bytes) };
}

function wrong(problem: string): RelearnError {
  return new RelearnError('invalid_config', `RELEARN_PAYLOAD_KEYS: ${problem}. ${advice}`);
}
