/**
 * The fastest plain proxy we know in Node: node:http in, an undici pool out, parse and forward only. It logs nothing.
 * Usage: bare-proxy.js UPSTREAM_ORIGIN. Prints its port.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.argv[2] ?? '', { connections: 64 });
const headers = { 'content-type': 'application/json' };

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    forward(Buffer.concat(chunks).toString()).then(
      ({ status, text }) =>
        response
          .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
          .end(text),
      () => response.writeHead(502).end(),
    );
  });
});

async function forward(body: string): Promise<{ status: number; text: string }> {
  const parsed: unknown = JSON.parse(body);
  const reply = await pool.request({
    ...{ method: 'POST', path: '/v1/chat/completions', headers, body: JSON.stringify(parsed) },
  });
  const text = await reply.body.text();
  JSON.parse(text);
  return { status: reply.statusCode, text };
}

server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }));
});
