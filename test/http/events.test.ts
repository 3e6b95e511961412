import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { recordAudit } from '../../src/audit.ts';
import { overviewResponse } from '../../src/http/console-schemas.ts';
import { buildReview } from '../../src/http/review.ts';
import { startTestConsole, type TestConsole } from '../console/fixtures.ts';
import { eventually } from '../until.ts';
import { memoryLogger, silentSignals, testConfig } from './fixtures.ts';

let server: TestConsole;
let url: string;
let app: ReturnType<typeof buildReview>;
before(async () => {
  server = await startTestConsole();
  // Temporal takes its time: an answer that was dear is given again for a while.
  const signal = { ...silentSignals, runState: () => sleep(500, { phase: 'train', candidate: null }) };
  const config = testConfig({ models: { mail: { serve: { kind: 'onnx' } } } });
  app = buildReview({ config, db: server.db, logger: memoryLogger().logger, signal });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await app.close();
  await server.close();
});

/** What a page hears from the moment its connection is open: resolves with the first change. */
async function connect() {
  const leave = new AbortController();
  const response = await fetch(`${url}/api/events`, { signal: leave.signal });
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const changed = async () => {
    for (let heard = ''; !heard.includes('event: change');) {
      const { value, done } = await reader.read();
      assert.ok(!done, 'the server hung up');
      heard += value;
    }
  };
  return { changed, leave: () => leave.abort() };
}

async function incidentState(): Promise<string | undefined> {
  const response = await app.inject({ url: '/api/overview', headers: { host: '127.0.0.1' } });
  return overviewResponse.parse(response.json()).models[0]?.incident?.state;
}
const become = (state: string) => server.db.query(`update relearn.incidents set state = $1 where id = 'i1'`, [state]);

/** What is never told is not waited for all day. */
const patient = { timeout: 180_000 };

test('a change right after a page is connected is told', patient, async () => {
  const page = await connect();
  await recordAudit(server.db, { actor: { name: 'ann', key: null }, action: 'test' });
  await page.changed();
  page.leave();
});

test('who asks again after a change is not given the answer of before it', patient, async () => {
  const page = await connect();
  assert.equal(await incidentState(), 'collecting');
  await become('retraining');
  await page.changed();
  assert.equal(await incidentState(), 'retraining');
  page.leave();
});

test('a page that connects is not given what was answered while nobody was told of changes', async () => {
  await eventually(() => promisify(app.server.getConnections.bind(app.server))(), 0); // the pages before are gone
  assert.equal(await incidentState(), 'retraining');
  await become('collecting');
  const page = await connect();
  assert.equal(await incidentState(), 'collecting');
  page.leave();
});
