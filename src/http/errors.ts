import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import { errorMessage, RelearnError } from '../errors.ts';

/** An error as OpenAI's clients read it. */
export interface ErrorBody {
  error: { message: string; type: string; code: string; details?: Readonly<Record<string, string>> };
}

/** Refused by the thousand, and counted in the metrics: a line for each would make it worse. */
const unlogged: ReadonlySet<string> = new Set(['overloaded', 'keys_unavailable']);

/** Fastify's own codes, told apart from ours. Their messages are not used: they may quote the request. */
const fastifyErrors: Record<string, () => RelearnError> = {
  FST_ERR_CTP_INVALID_JSON_BODY: malformedJson,
  FST_ERR_CTP_EMPTY_JSON_BODY: malformedJson,
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new RelearnError('body_too_large', 'The body is too long. Send less, or raise gateway.bodyLimitKb.'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new RelearnError('invalid_request', 'Cannot read this content type. Send content-type: application/json.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new RelearnError('invalid_request', 'The body is not as long as its content-length says.'),
  FST_ERR_BAD_URL: () => new RelearnError('invalid_request', 'The path is not a valid URL path.'),
};

function malformedJson(): RelearnError {
  return new RelearnError('malformed_json', 'The body is not JSON. Wanted one JSON object.');
}

/** Any thrown thing as an error of the catalogue. What is not ours becomes `internal_error` and says nothing. */
export function describeError(error: unknown): RelearnError {
  if (error instanceof RelearnError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = fastifyErrors[code];
  if (known !== undefined) return known();
  if (error instanceof SyntaxError && 'statusCode' in error) return malformedJson();
  if (error instanceof Error && 'statusCode' in error && error.statusCode === 400) {
    return new RelearnError('invalid_request', 'The request cannot be read.', { cause: error });
  }
  return new RelearnError('internal_error', 'Something failed here. The log of this process says more.', {
    cause: error,
  });
}

export function errorBody(error: RelearnError): ErrorBody {
  const { message, type, code, details } = error;
  return { error: { message, type, code, ...(Object.keys(details).length === 0 ? {} : { details }) } };
}

/** Answers an error in OpenAI's shape, unless the client has hung up. Only failures of ours are logged, without any text of the request. */
export function sendError(reply: FastifyReply, thrown: unknown): FastifyReply {
  if (reply.raw.destroyed) return reply.hijack();
  const error = describeError(thrown);
  noteFailure(() => reply.log, reply.request.routeOptions.url ?? null, error);
  return reply.code(error.status).send(errorBody(error));
}

export function noteFailure(log: () => FastifyBaseLogger, route: string | null, error: RelearnError): void {
  if (error.status < 500 || unlogged.has(error.code)) return;
  const cause = error.code === 'internal_error' ? errorStack(error.cause) : errorMessage(error);
  log().error({ code: error.code, route, cause }, 'a request failed');
}

/** Where it was thrown, without the message, which may quote a user's text. */
function errorStack(cause: unknown): string {
  if (!(cause instanceof Error)) return 'not an error';
  const frames = cause.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return [cause.name, ...frames].join('\n');
}

/** One handler for what routes throw, and one for paths that are not there. */
export function answerErrors(app: FastifyInstance, routes: readonly string[]): void {
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.setNotFoundHandler((_request, reply) =>
    sendError(reply, new RelearnError('route_not_found', `No such route. This server answers ${routes.join(', ')}.`)),
  );
}

/**
 * Parses what came from outside. Throws `invalid_request` with the path of the first problem and what was wanted,
 * never with the value.
 */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'request' : issue.path.join('.');
  throw new RelearnError('invalid_request', `${where}: ${issue?.message ?? 'not valid'}.`);
}
