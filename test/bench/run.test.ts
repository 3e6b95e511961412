import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runLoad } from '../../bench/peers/node.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const runner = fileURLToPath(new URL('../../bench/run.js', import.meta.url));

test('a benchmark that is not known, or none, lists the known ones and exits with 2', async () => {
  for (const wrong of [['nix'], [], ['gateway', 'serve'], ['serve', '--fast']]) {
    await assert.rejects(
      run(process.execPath, [runner, ...wrong]),
      (error: Error & { code?: number; stderr?: string }) => {
        assert.equal(error.code, 2);
        assert.match(
          error.stderr ?? '',
          /Benchmarks: console, console-review, corrections, drift, gate, gateway, label-cost, log-writer, nothing-lost, redact, review-queue, rollback, serve, tag-window/,
        );
        return true;
      },
    );
  }
});

/** Counts its requests, and answers each with an error when `failing`. */
async function startCounter(failing: boolean) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      requests += 1;
      response.statusCode = failing ? 500 : 200;
      if (requests % 2 === 0) response.write('in '); // chunked: no content-length
      response.end('pieces');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port: address.port, count: () => requests, close };
}

/** A load on a server of its own: on a machine that stands still for its fraction of a second nothing is answered. */
async function load(options: { connections: number; seconds: number; perSecond?: number }) {
  return until('a load has answers', async () => {
    const counter = await startCounter(false);
    try {
      const result = await runLoad({ port: counter.port, model: 'm', ...options }).catch(() => undefined);
      if (result === undefined || (options.perSecond !== undefined && result.answered < 100)) return undefined;
      return { ...result, count: counter.count() };
    } finally {
      await counter.close();
    }
  });
}

test('the load generator counts every answer once, and an open loop sends as many as it was asked for', async () => {
  const connections = 16;
  const closed = await load({ seconds: 0.3, connections });
  const underWay = closed.count - closed.answered;
  assert.ok(underWay >= 0 && underWay <= connections, `${underWay} were under way at the end`);
  const open = await load({ seconds: 0.5, perSecond: 200, connections });
  assert.deepEqual([open.count, open.answered, open.latenciesMs.length], [100, 100, 100]);
});

test('answers that are errors make a run fail', async () => {
  const counter = await startCounter(true);
  await assert.rejects(runLoad({ port: counter.port, model: 'm', seconds: 1 }), /[1-9]\d* failed/);
  await counter.close();
});
