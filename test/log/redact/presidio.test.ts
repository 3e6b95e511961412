import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRedactor } from '../../../src/log/redact/index.ts';
import { presidioPython } from './presidio-python.ts';

const skip = existsSync(presidioPython) ? false : 'not installed: npm run test:presidio';

test('the real Presidio finds what we leave, and leaves what we marked', { skip, timeout: 120_000 }, async (t) => {
  const script = fileURLToPath(new URL('../../../../test/log/redact/presidio-server.py', import.meta.url));
  const server = spawn(presidioPython, [script], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });
  const lines = createInterface({ input: server.stdout });
  const [port]: unknown[] = await Promise.race([
    once(lines, 'line'),
    once(server, 'exit').then((): unknown[] => ['none']),
  ]);
  assert.match(String(port), /^\d+$/, 'the server said its port');
  const chain = { url: `http://127.0.0.1:${String(port)}`, language: 'en', minScore: 0.5, timeoutSeconds: 60 };
  const redactor = createRedactor({ chain });
  const ours = redactor.redact('😀 bob@x.com paid to 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ, call 415-555-2671').text;
  const theirs = await redactor.chain?.(ours);
  assert.deepEqual(theirs, { text: '😀 [EMAIL] paid to [CRYPTO], call [PHONE]', found: { CRYPTO: 1 } });
});
