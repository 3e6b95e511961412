import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { choosePort } from '../../infra/ports.ts';

const use = { host: '127.0.0.1', what: 'the gateway', setting: 'gateway.port in relearn.yaml' };

test('a taken port is an error that says which, who wants it and where it is set', async () => {
  const server = createServer().listen(0, use.host);
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    await assert.rejects(choosePort(address.port, use), {
      code: 'port_taken',
      message: new RegExp(`Port ${address.port} .*the gateway.*gateway\\.port in relearn\\.yaml`),
    });
  } finally {
    server.close();
  }
});

test('port 0 means a free one', async () => {
  assert.ok((await choosePort(0, use)) > 0);
});
