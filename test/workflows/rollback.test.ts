import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readCertificateKeys } from '../../infra/certificate-keys.ts';
import { issueCertificate } from '../../src/gate/certificate.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { getVersion, registerVersion } from '../../src/promote/registry.ts';
import { taskQueue, workflowId } from '../../src/temporal.ts';
import { incumbentOf } from '../gate/fixtures.ts';
import { knownTopics, model, startLoop, textOf, type Loop } from '../loop.ts';
import { eventually } from '../until.ts';

let loop: Loop;
let gateways: string[];
before(async () => {
  loop = await startLoop();
  await loop.startWorker();
  gateways = await Promise.all([loop.spawnGateway(), loop.spawnGateway()]);
});
after(() => loop.close());

/** Another version with the first one's file and a certificate. */
async function addVersion(): Promise<string> {
  const { db } = loop.database;
  const version = await registerVersion(db, { ...(await getVersion(db, model, 'v1')), run: null });
  const { artifact } = await getVersion(db, model, version);
  const keys = await readCertificateKeys(loop.config, () => undefined);
  await storeCertificate(db, issueCertificate(incumbentOf({ model, version, artifact }), keys));
  return version;
}

/** The version that each gateway answers with. */
function answering(): Promise<(string | null)[]> {
  return Promise.all(
    gateways.map(async (url) => {
      const response = await fetch(`${url}/v1/chat/completions`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: textOf(knownTopics[0] ?? '', 1) }] }),
      });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
      return response.headers.get('x-relearn-version');
    }),
  );
}

const said = { model, by: 'ann', reason: 'a drill' };
const promote = (version: string) =>
  loop.client.workflow.execute('promote', {
    ...{ workflowId: workflowId.promote(model), taskQueue, args: [{ ...said, version }] },
  });
const rollBack = () =>
  loop.client.workflow.execute('rollback', { workflowId: workflowId.rollback(model), taskQueue, args: [said] });

test('every gateway answers with the version before after a rollback', async () => {
  await promote(await addVersion());
  await eventually(answering, ['v2', 'v2']);
  await rollBack();
  await eventually(answering, ['v1', 'v1']);
});

test('a gateway whose connections to Postgres were cut hears of it, too', async () => {
  await promote('v2');
  await eventually(answering, ['v2', 'v2']);
  await loop.database.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  await rollBack();
  await eventually(answering, ['v1', 'v1']);
});
