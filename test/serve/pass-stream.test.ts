import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { newCaller } from '../../src/serve/caller.ts';
import type { Completion } from '../../src/serve/completion.ts';
import { passStream } from '../../src/serve/pass-stream.ts';

const piece = (content: string) => Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`);
const end = Buffer.from('data: [DONE]\n\n');

test('the end of a stream is sent when its row is safe, and the row is made once', async () => {
  let safe: () => void = () => undefined;
  const added: Completion[] = [];
  const { events, ended } = passStream(Readable.from([piece('he'), piece('llo'), end]), {
    ...{ edits: {}, redact: (text) => text, request: { caller: newCaller(), onBroken: assert.ifError } },
    add(completion) {
      added.push(completion);
      return new Promise((resolve) => (safe = resolve));
    },
  });
  const got: string[] = [];
  events.on('data', (text: Buffer) => void got.push(text.toString()));
  while (added.length === 0) await new Promise((turn) => setImmediate(turn));
  assert.ok(got.join('').includes('llo') && !got.join('').includes('[DONE]'), got.join(''));
  safe();
  await ended;
  assert.ok(got.join('').includes('[DONE]'));
  assert.deepEqual(
    added.map(({ message, cutOff }) => [message.content, cutOff]),
    [['hello', false]],
  );
});

test('a stream that the client leaves is logged as cut off', async () => {
  const added: Completion[] = [];
  const body = new Readable({ read() {} });
  body.push(piece('he'));
  const { events, ended } = passStream(body, {
    ...{ edits: {}, redact: (text) => text, request: { caller: newCaller(), onBroken: assert.ifError } },
    add: (completion) => void added.push(completion),
  });
  events.once('data', () => events.destroy());
  body.once('close', () => undefined);
  await ended;
  assert.deepEqual(
    added.map(({ cutOff }) => cutOff),
    [true],
  );
});
