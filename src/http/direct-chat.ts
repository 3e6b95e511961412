import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { newRequestId } from '../log/request-id.ts';
import type { Answerer } from '../serve/answer.ts';
import { hangUp, newCaller } from '../serve/caller.ts';
import type { Passed } from '../serve/pass.ts';
import { readPassedRequest, type PassedRequest } from './chat-completions.ts';
import { describeError, errorBody, noteFailure } from './errors.ts';
import type { UsableKey } from './keys.ts';
import type { Guard } from './keys-guard.ts';
import type { GatewayMetrics } from './metrics.ts';
import { noteEnd, statusOf } from './observe.ts';
import { isFlagged } from './read-flag.ts';
import { readUser } from './read-user.ts';

export interface DirectChatOptions {
  models: readonly string[];
  bodyLimit: number;
  answerer: Pick<Answerer, 'pass'>;
  guard: Pick<Guard, 'admitEarly' | 'passOn'>;
  metrics: Pick<GatewayMetrics, 'observe'>;
  logger: FastifyBaseLogger;
}

const route = '/v1/chat/completions';
const json = 'application/json; charset=utf-8';
const events = 'text/event-stream; charset=utf-8';

/**
 * Answers what most of the traffic of an endpoint is, whole chat completions, ahead of Fastify, whose steps take as long as
 * all else that is done here. What is refused, streamed, malformed or for an embedded model goes on to Fastify, with its
 * body where that was read: the routes there hold for all requests.
 */
export function answerDirectly(
  app: FastifyInstance,
  { models, bodyLimit, answerer, guard, metrics, logger }: DirectChatOptions,
): void {
  const bodies = new WeakMap<IncomingMessage, Buffer>();
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('preParsing', ({ raw }, _reply, payload, done) => {
    const body = bodies.get(raw);
    done(null, body === undefined ? payload : Readable.from([body]));
  });
  app.server.removeAllListeners('request'); // Fastify's own: it is called below
  app.server.on('request', (request, response) => {
    const isWhole = !closing && isWholeJson(request, bodyLimit);
    const key = isWhole ? guard.admitEarly(request, response, 'infer') : undefined;
    if (key === undefined) app.routing(request, response);
    else take(request, response, key);
  });

  function take(request: IncomingMessage, response: ServerResponse, key: UsableKey | null): void {
    const at = new Date();
    const started = performance.now();
    const requestId = newRequestId(at);
    const caller = newCaller();
    const chunks: Buffer[] = [];
    let model = 'unknown';
    let answered: Passed | null = null;
    let endedAs = 0;
    let handedOver = false;
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [first] = chunks;
      const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      const text = body.toString();
      const asked = readPassedRequest(text);
      if (asked === undefined || asked.stream === true) handOver(body);
      else pass(asked, text).then((passed) => (passed === undefined ? handOver(body) : answer(passed)), fail);
    });
    response.on('close', () => {
      if (!response.writableFinished) hangUp(caller);
      if (handedOver) return;
      const status = endedAs || statusOf(response);
      const ms = performance.now() - started;
      const keyId = key?.id ?? null;
      noteEnd(logger, metrics, { requestId, model, route, status, ms, answered, keyId });
    });

    function pass(asked: PassedRequest, text: string): Promise<Passed | undefined> {
      if (models.includes(asked.model)) model = asked.model;
      return answerer.pass({
        model: asked.model,
        requestId,
        at,
        json: text,
        caller,
        user: asked.user ?? asked.safety_identifier ?? readUser(request),
        flagged: isFlagged(request),
        wantsLogprobs: asked.logprobs === true,
        wantsStream: false,
        onBroken({ code, status }) {
          endedAs = status;
          logger.warn({ requestId, code, model }, 'an answer broke off');
        },
      });
    }

    function answer(passed: Passed): void {
      answered = passed;
      send(response, passed);
    }

    function fail(thrown: unknown): void {
      if (response.destroyed) return;
      const error = describeError(thrown);
      noteFailure(() => logger.child({ requestId }), route, error);
      sendJson(response, error.status, JSON.stringify(errorBody(error)), { 'x-request-id': requestId });
    }

    function handOver(body: Buffer): void {
      handedOver = true;
      bodies.set(request, body);
      guard.passOn(request, key);
      app.routing(request, response);
    }
  }
}

/** A request whose body can be read whole. */
function isWholeJson({ method, url, headers }: IncomingMessage, bodyLimit: number): boolean {
  if (method !== 'POST' || url !== route) return false;
  const length = Number(headers['content-length']);
  const type = headers['content-type'];
  return (
    length > 0 && length <= bodyLimit && (type === 'application/json' || type?.startsWith('application/json;') === true)
  );
}

function send(response: ServerResponse, { requestId, version, status, headers, body }: Passed): void {
  const all: OutgoingHttpHeaders = { 'x-request-id': requestId, 'x-relearn-version': version };
  for (const name in headers) all[name] = headers[name];
  if ('json' in body) return sendJson(response, status, body.json, all);
  response.writeHead(status, { ...all, 'content-type': events, 'cache-control': 'no-cache' });
  pipeline(body.events, response, () => undefined); // the endpoint's choice: none was asked for
}

function sendJson(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders): void {
  headers['content-type'] = json;
  headers['content-length'] = Buffer.byteLength(text);
  response.writeHead(status, headers).end(text);
}
