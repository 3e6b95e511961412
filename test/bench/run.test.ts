import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runLoad } from '../../bench/peers/node.ts';

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
          /Benchmarks: console, console-review, corrections, drift, gate, gateway, label-cost, log-writer, nothing-lost, redact, review-queue, serve, tag-window/,
        );
        return true;
      },
    );
  }
});

/** Counts its requests, and answers every tenth with an error when `failing`. */
async function startCounter(failing: boolean) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      requests += 1;
      response.statusCode = failing && requests % 10 === 0 ? 500 : 200;
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

test('the load generator counts every answer once, and an open loop sends as many as it was asked for', async () => {
  const counter = await startCounter(false);
  const closed = await runLoad({ port: counter.port, model: 'm', seconds: 0.3 });
  assert.ok(closed.answered > 0);
  const underWay = counter.count() - closed.answered;
  assert.ok(underWay >= 0 && underWay <= 16, `${underWay} were under way at the end`);
  await counter.close();
  // What the first run left under way must not count here.
  const later = await startCounter(false);
  const open = await runLoad({ port: later.port, model: 'm', seconds: 0.5, perSecond: 200 });
  assert.equal(later.count(), 100);
  assert.equal(open.latenciesMs.length, open.answered);
  await later.close();
});

test('answers that are errors make a run fail', async () => {
  const counter = await startCounter(true);
  await assert.rejects(runLoad({ port: counter.port, model: 'm', seconds: 0.2 }), /failed/);
  await counter.close();
});
