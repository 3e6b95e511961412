import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { readEnvironment } from '../../infra/environment.ts';
import { RelearnError } from '../../src/errors.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';

const key = (bytes = 32) => randomBytes(bytes).toString('base64');

test('keys are read in their order, and nothing set is no key', () => {
  assert.deepEqual(
    readPayloadKeys(`2026b:${key()}, 2026a:${key()}`).map(({ id }) => id),
    ['2026b', '2026a'],
  );
  assert.deepEqual(readPayloadKeys(undefined), []);
  assert.deepEqual(readPayloadKeys(' '), []);
});

test('what cannot be a key is refused at start with what is wanted, and no key is quoted', () => {
  const short = key(16);
  const secret = key();
  const cases: [string, RegExp][] = [
    [`a:${short}`, /the key a has 16 bytes, wanted 32/],
    [secret, /entry 1 cannot be read/],
    [`a:${secret},b=${secret}`, /entry 2 cannot be read/],
    [`a:${secret},a:${key()}`, /the id a is given twice/],
    [`a:${secret},`, /entry 2 cannot be read/],
    [`a b:${secret}`, /entry 1 cannot be read/],
  ];
  for (const [text, wanted] of cases) {
    assert.throws(
      () => readEnvironment({ RELEARN_PAYLOAD_KEYS: text }),
      (error) => {
        assert.ok(error instanceof RelearnError && error.code === 'invalid_config');
        assert.match(error.message, wanted);
        assert.match(error.message, /openssl rand -base64 32/);
        assert.ok(!error.message.includes(secret) && !error.message.includes(short));
        return true;
      },
    );
  }
});
