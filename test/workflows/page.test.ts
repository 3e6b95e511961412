import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clipSummary } from '../../src/temporal.ts';
import { summariseActivity } from '../../workflows/activity-summaries.ts';
import { writePage } from '../../workflows/page.ts';

test('a page says what waits, what to do next with links into the console, and shows facts and tables', () => {
  const page = writePage({
    says: 'mail: waiting for corrections, 3 of 100',
    facts: { incident: 'i1' },
    tables: [{ title: 'Corrections', head: ['rows', 'count'], rows: [['corrected', 3]] }],
    next: [{ text: 'correct the next rows', to: ['review', 'my model (1)'] }],
    console: 'https://relearn.example.com',
  });
  assert.equal(
    page,
    [
      '**mail: waiting for corrections, 3 of 100**',
      'Next: [correct the next rows](https://relearn.example.com/#/review/my%20model%20%281%29)',
      '|  |  |\n| --- | --- |\n| incident | i1 |',
      '**Corrections**',
      '| rows | count |\n| --- | --- |\n| corrected | 3 |',
    ].join('\n\n'),
  );
});

test('what is known of a workflow of a former release, without the console’s address, has steps without links', () => {
  const next = [{ text: 'versions', to: ['versions', 'mail'] }];
  assert.equal(writePage({ says: 'waits', facts: {}, next }), '**waits**\n\nNext: versions');
});

test('nothing that is shown is markup, and no line breaks a table', () => {
  const page = writePage({ says: '[a](javascript:b) <img>', facts: { 'a|b': '**x**\n# y | `z`' } });
  assert.equal(page.split('\n').length, 5);
  assert.doesNotMatch(page.replaceAll(/\\./g, ''), /[[\]<>`|*]{2,}(?! *\|)[^-|\n]*\]|<img/);
  assert.ok(page.includes('\\[a\\](javascript:b) \\<img\\>') && page.includes('\\*\\*x\\*\\* # y \\| \\`z\\`'));
});

test('a page stays short enough for the address that the UI asks for it by; rows that do not fit are counted', () => {
  const rows = Array.from({ length: 500 }, (_, n) => [`gate ${n}`, 'x'.repeat(1000)]);
  const page = writePage({
    says: 'y'.repeat(1000),
    facts: {},
    tables: [{ title: 'Gates', head: ['gate', 'because'], rows }],
  });
  assert.ok(page.length < 2800, String(page.length));
  assert.match(page, /… and \d{3} more$/);
});

test('the summary of an activity tells ids and numbers, never a text, and fits', () => {
  const cases = { model: 'mail', cases: 'gold', version: 'v2', source: 'probe' };
  assert.equal(summariseActivity('infer', [cases]), 'ask: gold, v2');
  assert.equal(summariseActivity('infer', [{ plan: { file: 'a text' }, part: 3 }]), 'ask: part 3');
  const closing = { incident: 'i1', state: 'closed', reason: 'a text' };
  assert.equal(summariseActivity('setIncidentState', [closing]), 'set the state: closed');
  const share = { version: 'v2', share: 0.05, run: 3 };
  assert.equal(summariseActivity('rollOutTo', [share]), 'set the share of the traffic: v2, 5 %');
  const corrections = [{ completion: 'a text' }];
  assert.equal(summariseActivity('storeCorrections', [{ corrections }]), 'store corrections: 1');
  assert.equal(summariseActivity('drawReservoirs', []), 'draw the healthy rows to keep');
  assert.equal(summariseActivity('ofAnotherRelease', ['a text']), 'ofAnotherRelease');
  const clipped = clipSummary('🦊'.repeat(200));
  assert.ok(Buffer.byteLength(clipped) <= 200 && clipped.endsWith('…'));
});
