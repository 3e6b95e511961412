import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { errorCatalogue, type ErrorCode } from '../../src/errors.ts';
import { createRateLimit } from '../../src/http/limits.ts';
import { startTestGateway, testConfig } from './fixtures.ts';

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
let port: number;
before(async () => {
  gateway = await startTestGateway({
    config: testConfig({ gateway: { headersTimeoutSeconds: 0.2, requestTimeoutSeconds: 0.4 } }),
    logLevel: 'trace',
  });
  port = await listen(gateway);
});
after(() => gateway.close());

async function listen({ app }: typeof gateway): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

test('a bucket gives its burst at once, then as many as the rate, and says how long to wait', () => {
  let at = 0;
  const limit = createRateLimit({ perSecond: 10, burst: 3 }, () => at);
  assert.deepEqual([limit.take('a'), limit.take('a'), limit.take('a')], [0, 0, 0]);
  assert.equal(limit.take('a'), 100);
  assert.equal(limit.take('b'), 0, 'another key has a bucket of its own');
  at = 60;
  assert.equal(limit.take('a'), 40);
  at = 100;
  assert.equal(limit.take('a'), 0);
  at = 3_600_000;
  const taken = Array.from({ length: 10 }, () => limit.take('a')).filter((wait) => wait === 0);
  assert.equal(taken.length, 3, 'an hour of silence saves up the burst and no more');
});

test('in the long run a bucket lets through the rate, whatever the bursts', () => {
  let at = 0;
  const limit = createRateLimit({ perSecond: 7, burst: 5 }, () => at);
  let passed = 0;
  for (let n = 0; n < 100_000; n += 1) {
    at += n % 50 === 0 ? 200 : 1; // about 250 asked a second
    if (limit.take('a') === 0) passed += 1;
  }
  assert.ok(Math.abs(passed - (7 * at) / 1000) <= 5, `${passed} in ${at} ms`);
});

/** Sends bytes as they are and returns all that comes back until the server closes. */
async function talk(first: string, { at = port, trickle }: { at?: number; trickle?: string } = {}): Promise<string> {
  const socket = connect(at, '127.0.0.1');
  socket.on('error', () => {}); // the server may close while more is sent
  let got = '';
  socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
  socket.write(first);
  const timer = trickle === undefined ? undefined : setInterval(() => socket.write(trickle), 30);
  await once(socket, 'close');
  clearInterval(timer);
  return got;
}
function assertError(answer: string, code: ErrorCode): void {
  const { status, type } = errorCatalogue[code];
  assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
  const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { error: { type: string; code: string } };
  assert.deepEqual([body.error.type, body.error.code], [type, code]);
}

const canary = 'canary-9d1';
const post = `POST /chat HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;

test('a client that trickles its headers, or its body, is cut off', async () => {
  const [headers, body] = await Promise.all([
    talk(`POST /chat HTTP/1.1\r\nhost: 127.0.0.1\r\n`, { trickle: `x-slow: ${canary}\r\n` }),
    talk(`${post}content-length: 9000\r\n\r\n{"prompt":"${canary}`, { trickle: canary }),
  ]);
  assertError(headers, 'request_timeout');
  assertError(body, 'request_timeout');
});

test('headers without end and bytes that are no HTTP are answered in the same shape', async () => {
  const patient = await startTestGateway({ logLevel: 'trace' });
  const at = await listen(patient);
  assertError(await talk(`${post}x-long: ${canary.repeat(3000)}\r\n\r\n`, { at }), 'headers_too_large');
  assertError(await talk(`${canary} \r\n\r\n`, { at }), 'invalid_request');
  assert.ok(!patient.lines.join('').includes(canary), 'the log holds nothing of it');
  await patient.close();
});

test('requests beyond those that may be under way are refused at once, and places come free again', async () => {
  const busy = await startTestGateway({ config: testConfig({ gateway: { maxConcurrent: 2 } }) });
  const at = await listen(busy);
  const sockets = [1, 2].map(() => connect(at, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {}).write(`${post}content-length: 20\r\n\r\n{"prompt":`);
  const ask = () => fetch(`http://127.0.0.1:${at}/v1/models`);
  let refused = await ask();
  while (refused.status === 200) refused = await ask(); // until both have arrived
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal(((await refused.json()) as { error: { code: string } }).error.code, 'overloaded');
  assert.equal((await fetch(`http://127.0.0.1:${at}/healthz`)).status, 200, 'probes are answered');
  for (const socket of sockets) socket.destroy();
  while ((await ask()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
  await busy.close();
});
