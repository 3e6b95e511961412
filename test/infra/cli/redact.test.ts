import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { redactLines } from '../../../infra/cli/redact.ts';
import type { RedactionOptions } from '../../../src/log/redact/index.ts';
import { startFakeAnalyzer } from '../../log/redact/fake-analyzer.ts';

async function redact(input: string, options: RedactionOptions = {}): Promise<string> {
  const output = new PassThrough();
  await redactLines(Readable.from([input]), output, options);
  output.end();
  return (await output.toArray()).join('');
}

test('each line of text becomes a line of what is left and what was found', async () => {
  assert.equal(
    await redact('{"text":"I am bob@x.com"}\n\n{"text":"hi","id":7}'),
    '{"redacted":"I am [EMAIL]","found":{"EMAIL":1}}\n{"redacted":"hi","found":{}}\n',
  );
});

test('a broken line is named by its number and not quoted', async () => {
  for (const broken of ['canary', '{"text":7}', '{"canary":"x"}']) {
    await assert.rejects(redact(`{"text":"hi"}\n${broken}\n`), (error: Error) => {
      assert.match(error.message, /^line 2: /);
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  }
});

test('what a second redactor finds is replaced and counted too; when it fails, the command fails and quotes nothing', async (t) => {
  const analyzer = await startFakeAnalyzer(['Ann Lee']);
  t.after(() => analyzer.close());
  const options = { numbered: true, chain: analyzer.chain };
  assert.equal(
    await redact('{"text":"Ann Lee, bob@x.com"}', options),
    '{"redacted":"[PERSON], [EMAIL_1]","found":{"EMAIL":1,"PERSON":1}}\n',
  );
  analyzer.become('fails');
  await assert.rejects(redact('{"text":"Ann Lee"}', options), { code: 'redactor_unavailable', message: /^(?!.*Ann)/ });
});
