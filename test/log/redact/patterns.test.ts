import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSync } from 'recheck';
import { hardRecall, messages, plainRecall, streetRecall } from '../../../bench/redact.ts';
import { formats } from '../../../bench/redact-formats.ts';
import { createRandom } from '../../../bench/redact-random.ts';
import { createRedactor, packNames } from '../../../src/log/redact/index.ts';

process.env['RECHECK_BACKEND'] = 'pure';

/** Every pattern that redaction runs, with the longest text it was run over. */
function patternsInUse(): Map<RegExp, number> {
  const longest = new Map<string, { pattern: RegExp; length: number }>();
  const exec = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec');
  assert.ok(exec);
  const original: unknown = exec.value;
  assert.ok(isExec(original));
  RegExp.prototype.exec = function record(this: RegExp, text: string) {
    const entry = longest.get(String(this)) ?? { pattern: this, length: 0 };
    entry.length = Math.max(entry.length, text.length);
    longest.set(String(this), entry);
    return original.call(this, text);
  };
  try {
    const random = createRandom(3);
    const redactor = createRedactor({ packs: packNames, numbered: true });
    plainRecall(random, 60);
    hardRecall(random, 10);
    streetRecall(random, 50);
    formats(4, 1);
    redactor.redact(
      `${messages(random, 200).join('\n')} -----BEGIN PRIVATE KEY-----\nPO Box 12 %40 ?password=abcd ${'a1'.repeat(20)} curl key: Basic`,
    );
  } finally {
    Object.defineProperty(RegExp.prototype, 'exec', exec);
  }
  return new Map([...longest.values()].map(({ pattern, length }) => [pattern, length]));
}

function isExec(value: unknown): value is (this: RegExp, text: string) => RegExpExecArray | null {
  return typeof value === 'function';
}

/** A square of this many steps is still nothing. */
const shortText = 512;
/** The longest pattern is decided in a sixth of it. */
const decideMs = 100_000;

test('no pattern that sees a whole text backtracks, and none at all does so without end', { timeout: 600_000 }, () => {
  const patterns = patternsInUse();
  assert.ok(patterns.size > 60, `${patterns.size} patterns`);
  for (const [{ source, flags }, length] of patterns) {
    const result = checkSync(source, flags, { timeout: decideMs });
    const kind = result.status === 'vulnerable' ? result.complexity.type : result.status;
    assert.notEqual(kind, 'unknown', `not decided: ${source}`);
    assert.notEqual(kind, 'exponential', source);
    if (length > shortText) assert.notEqual(kind, 'polynomial', source);
  }
});
