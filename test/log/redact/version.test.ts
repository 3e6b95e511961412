import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../../src/config.ts';
import {
  createRedactor,
  describeOtherRedactor,
  redactionRules,
  redactorOfVersion,
  type RedactionOptions,
} from '../../../src/log/redact/index.ts';

const chain = { url: 'http://127.0.0.1:1', language: 'en', minScore: 0.5, timeoutSeconds: 5 };
const every: RedactionOptions[] = [
  {},
  { numbered: true },
  { packs: ['uk-nhs', 'br-cpf'], numbered: true },
  { chain },
  { packs: ['ca-sin'], chain: { ...chain, minScore: 0.35, entities: ['PERSON', 'LOCATION'] } },
];

test('a version string gives back the redactor it names', () => {
  const versions = every.map((options) => createRedactor(options).version);
  assert.equal(new Set(versions).size, every.length);
  assert.equal(versions.at(-1), `${redactionRules}+ca-sin+chain:en:0.35:LOCATION,PERSON`);
  for (const version of versions) assert.equal(redactorOfVersion(version, chain)?.version, version);
});

test('a string of another kind, or with an unknown word, names no redactor', () => {
  for (const version of ['', 'other/9', `${redactionRules}+mars-id`, `${redactionRules}+chain:en`]) {
    assert.equal(redactorOfVersion(version, chain), undefined, version);
  }
});

test('a version says where its second redactor listens to nobody', () => {
  assert.ok(
    !createRedactor({ chain: { ...chain, url: 'http://user:pass@secret.example' } }).version.includes('secret'),
  );
});

test('what a model does not read as it learned is told', () => {
  const plain = createRedactor();
  assert.equal(describeOtherRedactor(plain.version, plain), null);
  assert.match(describeOtherRedactor(`${redactionRules}+numbered`, plain) ?? '', /reads text as it learned; the log/);
  assert.match(describeOtherRedactor('relearn-redact/1', plain) ?? '', /except that today's rules/);
  assert.match(describeOtherRedactor(createRedactor({ chain }).version, plain) ?? '', /no second redactor/);
  assert.match(describeOtherRedactor('other/9', plain) ?? '', /reads text as configured/);
});

test('the configuration takes packs, numbers and a chain, and says what is wrong with them', () => {
  const models = { triage: { serve: { kind: 'onnx' } } };
  const parse = (redaction: object) => configSchema.safeParse({ models, log: { redaction } });
  const good = parse({ packs: ['uk-nhs'], numbered: true, chain: { url: 'http://presidio:3000' } });
  assert.equal(good.data?.log.redaction.chain?.timeoutSeconds, 5);
  for (const [wrong, where] of [
    [{ packs: ['mars-id'] }, 'log.redaction.packs.0'],
    [{ chain: { url: 'presidio' } }, 'log.redaction.chain.url'],
    [{ chain: { url: 'http://presidio', entities: [] } }, 'log.redaction.chain.entities'],
    [{ chain: { url: 'http://presidio', entities: ['a+b'] } }, 'log.redaction.chain.entities.0'],
  ] as const) {
    assert.deepEqual(
      parse(wrong).error?.issues.map(({ path }) => path.join('.')),
      [where],
    );
  }
});
