/**
 * The load generator, a process of its own: bare sockets and requests made beforehand, so that it costs a fraction of
 * what it measures. Usage: load.js '{"port","model","seconds","connections"}' for as much as goes through, or with
 * "perSecond" for an open loop: requests leave on time, whether earlier ones are answered or not.
 * Prints {"answered","failed","perSecond","latenciesMs"} as JSON; latencies of an open loop only.
 */
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { chatRequest } from './prompts.ts';

const { port, model, seconds, connections, perSecond } = z
  .object({
    port: z.number(),
    model: z.string(),
    seconds: z.number(),
    connections: z.number().default(32),
    perSecond: z.number().optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const requests = Array.from({ length: 512 }, (_, index) => {
  const body = chatRequest(index, model);
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    ...[`host: 127.0.0.1:${port}`, 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`],
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
});
const lastAnswersMs = 30_000;
let sent = 0;
let answered = 0;
let failed = 0;
const latenciesMs: number[] = [];

interface Line {
  socket: Socket;
  sentAt: number;
}

/** A connection that answers `onAnswer` when the response to the request before is whole. */
function openLine(onAnswer: (line: Line) => void): Line {
  const line: Line = { socket: connect({ port, host: '127.0.0.1', noDelay: true }), sentAt: 0 };
  let received = '';
  line.socket.setEncoding('latin1');
  line.socket.on('data', (chunk: string) => {
    received += chunk;
    if (!isWhole(received)) return;
    if (received.startsWith('HTTP/1.1 200')) answered += 1;
    else failed += 1;
    received = '';
    onAnswer(line);
  });
  line.socket.on('error', () => {
    failed += 1;
  });
  return line;
}

function isWhole(response: string): boolean {
  const head = response.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(response.slice(0, head + 2))?.[1];
  return length === undefined ? response.endsWith('0\r\n\r\n') : response.length >= head + 4 + Number(length);
}

function send(line: Line): void {
  line.sentAt = performance.now();
  line.socket.write(requests[sent++ % requests.length] ?? '');
}

function report(elapsedSeconds: number): void {
  const result = JSON.stringify({ answered, failed, perSecond: answered / elapsedSeconds, latenciesMs });
  process.stdout.write(`${result}\n`, () => process.exit()); // what a pipe has no room for yet would be lost
}

const start = performance.now();
const end = start + seconds * 1000;
if (perSecond === undefined) {
  const again = (line: Line): void => {
    if (performance.now() < end) send(line);
  };
  for (let line = 0; line < connections; line += 1) send(openLine(again));
  setTimeout(() => report((performance.now() - start) / 1000), seconds * 1000);
} else {
  const idle: Line[] = [];
  const measured = (line: Line): void => {
    latenciesMs.push(performance.now() - line.sentAt);
    idle.push(line);
  };
  for (let line = 0; line < connections; line += 1) idle.push(openLine(measured));
  const ticking = setInterval(() => {
    // The small addition and no more: half a second at 200 a second is 100.00000000001 requests.
    const due = Math.floor(((Math.min(performance.now(), end) - start) / 1000) * perSecond + 1e-6);
    while (sent < due) send(idle.pop() ?? openLine(measured));
    // The last answers may take a moment, and on a machine that stands still for seconds, longer.
    if (performance.now() < end || (answered + failed < sent && performance.now() < end + lastAnswersMs)) return;
    clearInterval(ticking);
    report(seconds);
  }, 1);
}
