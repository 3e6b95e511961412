import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { errorResponse } from './answer-schemas.ts';
import * as clusters from './cluster-schemas.ts';
import { codecBody } from './codec-routes.ts';
import * as page from './console-schemas.ts';
import { programRoutes } from './described-api.ts';
import { incidentResponse, incidentsResponse } from './incident-schemas.ts';
import { neededScope, reviewScopes } from './keys-guard.ts';
import * as log from './log-schemas.ts';
import * as queue from './review-schemas.ts';

export interface Described {
  path: string;
  method: 'get' | 'post' | 'delete';
  summary: string;
  body?: z.ZodType;
  /** Content types that it takes beside JSON, read line by line. */
  streams?: readonly string[];
  query?: z.ZodType;
  /** Null for no JSON: nothing, or what `produces` names. */
  answer: z.ZodType | null;
  produces?: string;
}

/** Every route, with the schemas that the server checks and the page parses. A test compares them with Fastify's list. */
export const describedRoutes: readonly Described[] = [
  { path: '/api/session', method: 'get', summary: 'Who is signed in', answer: page.sessionResponse },
  {
    ...{ path: '/api/session', method: 'post', summary: 'Sign in with a key' },
    ...{ body: page.sessionRequest, answer: page.sessionResponse },
  },
  { path: '/api/overview', method: 'get', summary: 'The loop of each model', answer: page.overviewResponse },
  {
    ...{ path: '/api/labels', method: 'get', summary: 'Labels of a classifier' },
    ...{ query: page.labelsQuery, answer: page.labelsResponse },
  },
  { path: '/api/incidents', method: 'get', summary: 'Incidents, open ones first', answer: incidentsResponse },
  { path: '/api/incidents/:id', method: 'get', summary: 'One incident', answer: incidentResponse },
  ...(['close', 'retrain'] as const).map((what) => ({
    ...{ path: `/api/incidents/:id/${what}`, method: 'post' as const, summary: `Ask to ${what}, with a reason` },
    ...{ body: page.decisionRequest, answer: page.askedResponse },
  })),
  { path: '/api/models', method: 'get', summary: 'Models with their versions', answer: page.modelsResponse },
  ...(['approve', 'reject'] as const).map((what) => ({
    ...{ path: `/api/runs/:model/:run/${what}`, method: 'post' as const, summary: `Ask to ${what}, with a reason` },
    ...{ body: page.decisionRequest, answer: page.askedResponse },
  })),
  {
    ...{ path: '/api/review', method: 'get', summary: 'Rows that wait for a correction' },
    ...{ query: queue.queueQuery, answer: queue.queueResponse },
  },
  {
    ...{ path: '/api/review/cards', method: 'get', summary: 'The same as cards' },
    ...{ query: queue.cardsQuery, answer: queue.cardsResponse },
  },
  {
    ...{ path: '/api/review/state', method: 'get', summary: 'How far a queue is, and who reviews' },
    ...{ query: queue.stateQuery, answer: queue.stateResponse },
  },
  {
    ...{ path: '/api/review/said', method: 'get', summary: 'What people said of a row' },
    ...{ query: queue.saidQuery, answer: queue.saidResponse },
  },
  {
    ...{ path: '/api/review/next', method: 'post', summary: 'Cards to hold' },
    ...{ body: queue.nextRequest, answer: queue.nextResponse },
  },
  {
    ...{ path: '/api/review/renew', method: 'post', summary: 'Hold a card for longer' },
    ...{ body: queue.renewRequest, answer: queue.renewResponse },
  },
  {
    ...{ path: '/api/review/answer', method: 'post', summary: 'Answer a card' },
    ...{ body: queue.answerRequest, answer: queue.answerResponse },
  },
  {
    ...{ path: '/api/review/skip', method: 'post', summary: 'Leave a card to others' },
    ...{ body: queue.skipRequest, answer: queue.actionResponse },
  },
  {
    ...{ path: '/api/review/remove', method: 'post', summary: 'Take rows out for good' },
    ...{ body: queue.removeRequest, answer: queue.actionResponse },
  },
  {
    ...{ path: '/api/review/undo', method: 'post', summary: 'Undo what the reviewer did last' },
    ...{ body: queue.undoRequest, answer: queue.undoResponse },
  },
  ...programRoutes,
  {
    ...{ path: '/api/log', method: 'get', summary: 'Kept rows, the latest first' },
    ...{ query: log.logQuery, answer: log.logResponse },
  },
  {
    ...{ path: '/api/log/count', method: 'get', summary: 'How many rows a filter lets pass' },
    ...{ query: log.logFilter, answer: log.logCountResponse },
  },
  {
    ...{ path: '/api/log/facets', method: 'get', summary: 'Versions and tags to narrow the log to' },
    ...{ query: log.facetsQuery, answer: log.facetsResponse },
  },
  {
    ...{ path: '/api/log/row', method: 'get', summary: 'All about one row' },
    ...{ query: log.rowQuery, answer: log.rowResponse },
  },
  {
    ...{ path: '/api/log/export', method: 'get', summary: 'Rows as JSONL, or as CSV with ?format=csv' },
    ...{ query: log.exportQuery, answer: null, produces: 'application/x-ndjson' },
  },
  {
    ...{ path: '/api/clusters', method: 'get', summary: 'Groups of alike rows among those that fail' },
    ...{ query: clusters.clustersQuery, answer: clusters.clustersResponse },
  },
  ...(['decode', 'encode'] as const).map((what) => ({
    ...{
      path: `/codec/${what}`,
      method: 'post' as const,
      summary: `Payloads of Temporal: ${what}, for its UI and CLI`,
    },
    ...{ body: codecBody, answer: codecBody },
  })),
];

/** `GET /api/openapi.json`: OpenAPI 3.1, made from the zod schemas. */
export function addOpenApiRoute(app: FastifyInstance): void {
  const document = { ...head, paths: describePaths() };
  app.get('/api/openapi.json', () => document);
}

const head = {
  openapi: '3.1.0',
  info: { title: 'Relearn review API', version: '1' },
  security: [{ key: [] }, { session: [] }],
  components: {
    schemas: { Error: toJson(errorResponse, 'output') },
    securitySchemes: {
      key: { type: 'http', scheme: 'bearer' },
      session: { type: 'apiKey', in: 'cookie', name: 'relearn_session' },
    },
  },
};

function describePaths(): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of describedRoutes) {
    const shown = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[shown] = { ...paths[shown], [route.method]: describeRoute(route) };
  }
  return paths;
}

function describeRoute({ path, method, summary, body, streams = [], query, answer, produces }: Described): object {
  const scope = neededScope(reviewScopes[path] ?? 'admin', method.toUpperCase());
  const asked =
    body === undefined ? {} : { ...json(toJson(body, 'input')), ...Object.fromEntries(streams.map(asText)) };
  const answered =
    answer === null
      ? Object.fromEntries(produces === undefined ? [] : [asText(produces)])
      : json(toJson(answer, 'output'));
  return {
    ...{ summary, operationId: `${method}${path.replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}` },
    ...{ 'x-scope': scope, ...(scope === 'open' ? { security: [] } : {}) },
    parameters: [...namesIn(path), ...(query === undefined ? [] : namesOf(query))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: asked } }),
    responses: {
      '2XX': { description: 'done', content: answered },
      default: { description: 'refused', content: json({ $ref: '#/components/schemas/Error' }) },
    },
  };
}

function namesIn(path: string): object[] {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

function namesOf(query: z.ZodType): object[] {
  const { properties = {}, required = [] } = toJson(query, 'input');
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
  }));
}

function asText(type: string): [string, object] {
  return [type, { schema: { type: 'string' } }];
}

function json(schema: object) {
  return { 'application/json': { schema } };
}

function toJson(schema: z.ZodType, io: 'input' | 'output') {
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
    },
  });
}
