import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { decode } from '@temporalio/common/lib/encoding.js';
import proto from '@temporalio/proto';
import { createPayloadCodec } from '../../src/payload/codec.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';

const secrets = { a: randomBytes(32), b: randomBytes(32) };
const keysOf = (...ids: ('a' | 'b')[]) =>
  readPayloadKeys(ids.map((id) => `${id}:${secrets[id].toString('base64')}`).join(','));
const codecOf = (...ids: ('a' | 'b')[]) => createPayloadCodec(keysOf(...ids));
const said = { reason: 'xylocanary', n: 7 };
const payload = defaultPayloadConverter.toPayload(said);
const values = (payloads: Awaited<ReturnType<ReturnType<typeof codecOf>['decode']>>) =>
  payloads.map((each) => defaultPayloadConverter.fromPayload(each));

test('what is encoded hides its content, never looks the same twice, and is read again', async () => {
  const codec = codecOf('a');
  const sealed = await codec.encode([payload, payload]);
  for (const { metadata, data } of sealed) {
    assert.equal(decode(metadata?.['encoding'] ?? new Uint8Array()), 'binary/encrypted');
    assert.equal(decode(metadata?.['encryption-key-id'] ?? new Uint8Array()), 'a');
    assert.ok(!Buffer.from(data ?? []).includes('xylocanary'));
  }
  assert.notDeepEqual(sealed[0]?.data, sealed[1]?.data);
  assert.deepEqual(values(await codec.decode(sealed)), [said, said]);
});

test('the first key encrypts, the others still decrypt, and what was never encrypted is read as it is', async () => {
  const [old] = await codecOf('a').encode([payload]);
  assert.ok(old !== undefined);
  const rotated = codecOf('b', 'a');
  assert.deepEqual(values(await rotated.decode([old, payload])), [said, said]);
  const [fresh] = await rotated.encode([payload]);
  assert.equal(decode(fresh?.metadata?.['encryption-key-id'] ?? new Uint8Array()), 'b');
});

test('without keys everything passes as it is', async () => {
  const codec = codecOf();
  assert.deepEqual(await codec.encode([payload]), [payload]);
  assert.deepEqual(await codec.decode([payload]), [payload]);
});

test('a payload of an unknown key says which id it wants and which are known', async () => {
  const sealed = await codecOf('a').encode([payload]);
  await assert.rejects(codecOf('b').decode(sealed), {
    code: 'payload_unreadable',
    message: /encrypted with the key a, and RELEARN_PAYLOAD_KEYS knows b\. Add that key/,
  });
  await assert.rejects(codecOf().decode(sealed), { message: /RELEARN_PAYLOAD_KEYS is not set/ });
});

test('a changed payload, a short one and one of another key by the same id are refused', async () => {
  const [sealed] = await codecOf('a').encode([payload]);
  const data = sealed?.data ?? new Uint8Array();
  const flipped = data.map((byte, index) => (index === 20 ? byte ^ 1 : byte));
  const metadata = sealed?.metadata ?? {};
  for (const broken of [flipped, data.subarray(0, 5), data.subarray(0, -1), new Uint8Array()]) {
    await assert.rejects(codecOf('a').decode([{ metadata, data: broken }]), { code: 'payload_unreadable' });
  }
  const other = createPayloadCodec(readPayloadKeys(`a:${secrets.b.toString('base64')}`));
  await assert.rejects(other.decode([{ metadata, data }]), { message: /another key a than the one/ });
});

test('the bytes are those of Temporal’s samples: IV, ciphertext and tag of the whole payload', async () => {
  const [sealed] = await codecOf('a').encode([payload]);
  const data = Buffer.from(sealed?.data ?? []);
  const opening = createDecipheriv('aes-256-gcm', secrets.a, data.subarray(0, 12));
  opening.setAuthTag(data.subarray(-16));
  const text = Buffer.concat([opening.update(data.subarray(12, -16)), opening.final()]);
  assert.deepEqual(values([proto.temporal.api.common.v1.Payload.decode(text)]), [said]);
});
