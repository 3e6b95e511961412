import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { makeClient } from '../../infra/data-converter.ts';
import { patiently } from '../../infra/prepare.ts';
import { reconcileSchedules } from '../../infra/schedules.ts';
import { configSchema, type Config } from '../../src/config.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';
import { temporalAddress } from '../stack.ts';
import { until } from '../until.ts';

let connection: Connection;
let client: Client;
before(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
  const namespace = `schedules-${randomUUID()}`;
  const workflowExecutionRetentionPeriod = msToTs('1 day');
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
  client = new Client({ connection, namespace });
});
after(() => connection.close());

const config = (everySeconds: number, retrain: object = {}) =>
  configSchema.parse({ models: { mail: { serve: { kind: 'onnx' }, drift: { everySeconds }, retrain } } });

const reconcile = (wanted: Config) => patiently(() => reconcileSchedules(client, wanted), () => {}); // prettier-ignore

async function schedules(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of client.schedule.list()) ids.push(scheduleId);
  return ids.sort();
}

test('schedules follow the configuration: made, changed with their pause kept, deleted, and otherwise left alone', async () => {
  const cadence = { cadence: '0 3 * * 1' };
  const first = await until('the namespace is known', () =>
    reconcileSchedules(client, config(600, cadence)).catch(() => undefined),
  );
  assert.ok(first.created.length + first.changed.length <= 4);
  const all = ['cluster-watch/mail', 'drift-watch/mail', 'log-retention', 'retrain-cadence/mail'];
  await until('all are listed', async () => (await schedules()).length === 4);
  assert.deepEqual(await schedules(), all);

  const watch = client.schedule.getHandle('drift-watch/mail');
  await watch.pause('an operator looks');
  assert.deepEqual(await reconcile(config(600, cadence)), { created: [], changed: [], deleted: [] });

  const changed = await reconcile(config(60, cadence));
  assert.deepEqual(changed, { created: [], changed: ['drift-watch/mail'], deleted: [] });
  const { state, spec } = await watch.describe();
  assert.equal(state.paused, true);
  assert.equal(spec.intervals?.[0]?.every, 60_000);

  const gone = await reconcile(config(60));
  assert.deepEqual(gone, { created: [], changed: [], deleted: ['retrain-cadence/mail'] });
});

test('another key in front makes the schedules anew, so that the one before can be taken out', async () => {
  const keys = (...ids: string[]) => readPayloadKeys(ids.map((id) => `${id}:${id.repeat(43)}=`).join(','));
  const [first, both, second] = [keys('A'), keys('B', 'A'), keys('B')];
  const { namespace } = client.options;
  const reconcileWith = (own: typeof first) =>
    patiently(
      () => reconcileSchedules(makeClient(connection, { namespace, payloadKeys: own }), config(60), own),
      () => {},
    );
  const all = ['cluster-watch/mail', 'drift-watch/mail', 'log-retention'];
  assert.deepEqual((await reconcileWith(first)).changed.sort(), all);
  assert.deepEqual((await reconcileWith(first)).changed, []);
  await assert.rejects(reconcileWith(second), {
    message: /encrypted with the key A, and RELEARN_PAYLOAD_KEYS knows B/,
  });
  assert.deepEqual((await reconcileWith(both)).changed.sort(), all);
  assert.deepEqual((await reconcileWith(second)).changed, []);
});
