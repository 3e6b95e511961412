/**
 * The model behind every peer: a node:http server that reads a chat request and answers a fixed completion, so that
 * what is measured is what stands in front of it. Prints its port.
 */
import { createServer } from 'node:http';

const answer = JSON.stringify({
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
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) };

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, headers).end(answer));
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }));
});
