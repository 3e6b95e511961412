/**
 * The model behind every peer: bare sockets and an answer made beforehand, so that the machine's cores are left to what
 * stands in front of it. Reads chat requests with a `content-length`, as all peers send them. Prints its port.
 */
import { createServer } from 'node:net';

const completion = JSON.stringify({
  id: 'chatcmpl-upstream',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-upstream',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Your order left the warehouse this morning. It arrives on Thursday; you need to do nothing.',
      },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 60, completion_tokens: 20, total_tokens: 80 },
});
const head = [
  'HTTP/1.1 200 OK',
  ...['content-type: application/json', `content-length: ${completion.length}`],
  ...[`date: ${new Date().toUTCString()}`, 'connection: keep-alive', 'keep-alive: timeout=600'],
];
const answer = `${head.join('\r\n')}\r\n\r\n${completion}`;

const server = createServer({ noDelay: true }, (socket) => {
  let received = '';
  socket.setEncoding('latin1'); // a character for each byte
  socket.on('data', (chunk: string) => {
    received += chunk;
    for (let end = requestEnd(received); end <= received.length; end = requestEnd(received)) {
      received = received.slice(end);
      socket.write(answer, 'latin1');
    }
  });
  socket.on('error', () => socket.destroy()); // a peer that was stopped
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }));
});

/** Where the first request ends; Infinity while its head is not whole. */
function requestEnd(received: string): number {
  const bodyStart = received.indexOf('\r\n\r\n') + 4;
  if (bodyStart < 4) return Infinity;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, bodyStart))?.[1] ?? '0';
  return bodyStart + Number(length);
}
