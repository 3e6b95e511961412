import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyHttpOptions } from 'fastify';
import type { ServerConfig } from '../config.ts';
import { RelearnError } from '../errors.ts';
import { errorBody } from './errors.ts';

/** How often Node looks for connections whose time is up. */
const checkEveryMs = 1000;

/** Node's own limits on how long a client may take to send a request, and errors of the protocol in OpenAI's shape. */
export function serverLimits(config: ServerConfig): FastifyHttpOptions<Server> {
  const requestTimeout = config.requestTimeoutSeconds * 1000;
  const headersTimeout = Math.min(config.headersTimeoutSeconds * 1000, requestTimeout);
  return {
    requestTimeout,
    keepAliveTimeout: config.keepAliveSeconds * 1000,
    http: { requestTimeout, headersTimeout, connectionsCheckingInterval: checkEveryMs },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
  };
}

/** What is wrong with the bytes of a client. The error itself holds them: it goes nowhere. */
function answerClientError({ code }: { code?: string }, socket: Socket): void {
  if (code !== 'ECONNRESET' && socket.writable) {
    const error = describeClientError(code);
    const body = JSON.stringify(errorBody(error));
    const head = [
      `HTTP/1.1 ${error.status} ${error.code}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroy();
}

function describeClientError(code: string | undefined): RelearnError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new RelearnError('request_timeout', 'The request did not arrive in time. Send it faster, or in parts.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new RelearnError('headers_too_large', 'The headers are longer than 16 KiB. Send fewer or shorter ones.');
  }
  return new RelearnError('invalid_request', 'This is not a valid HTTP request.');
}

export interface RateLimit {
  /** Takes one request of `id`. Returns 0, or the milliseconds until there is one to take. */
  take(id: string): number;
}

/**
 * A token bucket per id: `perSecond` in the long run, `burst` at once. It holds one number per id, the time at which
 * the bucket is full again (the generic cell rate algorithm, ITU-T I.371). Libraries count by windows instead, which
 * lets twice the rate through at their borders.
 */
export function createRateLimit(
  { perSecond, burst }: { perSecond: number; burst: number },
  now: () => number = () => performance.now(),
): RateLimit {
  const intervalMs = 1000 / perSecond;
  const fullAt = new Map<string, number>();
  return {
    take(id) {
      const at = now();
      const full = Math.max(at, fullAt.get(id) ?? at) + intervalMs;
      const waitMs = full - at - burst * intervalMs;
      if (waitMs > 1e-6) return waitMs;
      fullAt.set(id, full);
      return 0;
    },
  };
}
