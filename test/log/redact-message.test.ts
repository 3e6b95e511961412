import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promptMessages, promptText, type Message } from '../../src/chat.ts';
import { redactText } from '../../src/log/redact/index.ts';
import { redactCutOff, redactMessage } from '../../src/log/redact-message.ts';

const redact = (text: string) => redactText(text).text;
const mail = 'ann@example.com';

test('every text of a message is redacted, and what holds none becomes a marker', () => {
  const message: Message = {
    role: `user of ${mail}`,
    name: mail,
    content: [
      { type: 'text', text: `write to ${mail}` },
      { type: 'image_url', image_url: { url: `https://host/${mail}` } },
      { type: 'input_audio', input_audio: { data: mail } },
      { type: 'file', file: { filename: mail } },
      { type: mail, text: mail },
    ],
    tool_calls: [
      {
        id: mail,
        function: { name: mail, arguments: `{"to":["ann\\u0040example.com"],"${mail}":{"phone":4155552671}}` },
      },
    ],
    tool_call_id: mail,
    refusal: mail,
  };
  const text = (said: string) => ({ type: 'text', text: said });
  assert.deepEqual(redactMessage(message, redact), {
    role: 'user of [EMAIL]',
    content: ['write to [EMAIL]', '[IMAGE]', '[AUDIO]', '[FILE]', '[PART]'].map(text),
    name: '[EMAIL]',
    refusal: '[EMAIL]',
    tool_calls: [
      { id: '[EMAIL]', function: { name: '[EMAIL]', arguments: '{"to":["[EMAIL]"],"[EMAIL]":{"phone":"[PHONE]"}}' } },
    ],
    tool_call_id: '[EMAIL]',
  });
});

test('text parts alone become one text, and a message of one text is stored as that text', () => {
  const content = ['write to ann@', 'example.com'].map((text) => ({ type: 'text', text }));
  assert.equal(promptText([redactMessage({ role: 'user', content }, redact)]), 'write to [EMAIL]');
});

test('a conversation with tool calls and parts is restored from the log as it was stored', () => {
  const messages: Message[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'what?' },
        { type: 'text', text: '[IMAGE]' },
      ],
    },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { arguments: '{}' } }] },
    { role: 'tool', content: 'rain', tool_call_id: 'c' },
    { role: 'user', content: 'thanks', name: 'ann' },
  ];
  assert.deepEqual(promptMessages(promptText(messages)), messages);
});

test('of a text that was cut off, the end that may be half an identifier is left out', () => {
  const cases: [string, string][] = [
    ['so far so', 'so far so'],
    ['mail ann@exam', 'mail [CUT]'],
    ['mail ann@example.com and bob.lee@', 'mail [EMAIL] and [CUT]'],
    ['call +1 (415) 555-26', 'call +1 [PHONE]'],
    ['use DE89 3704 0044', 'use DE[CUT]'],
    ['the key is abcdefghijklmnopqrst', 'the key is [CUT]'],
  ];
  for (const [text, expected] of cases) assert.equal(redactCutOff(text, redact), expected);
});
