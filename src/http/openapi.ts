import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { codecBody } from './codec-routes.ts';
import * as page from './console-schemas.ts';
import { incidentResponse, incidentsResponse } from './incident-schemas.ts';
import { reviewScopes } from './keys-guard.ts';
import * as queue from './review-schemas.ts';

interface Described {
  path: string;
  method: 'get' | 'post';
  summary: string;
  body?: z.ZodType;
  query?: z.ZodType;
  answer: z.ZodType;
}

/** The routes that the console uses, with the schemas that the server checks and the page parses. */
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
  ...(['/api/models/:model/rollback', '/api/runs/:model/:run/approve', '/api/runs/:model/:run/reject'] as const).map(
    (path) => ({
      ...{ path, method: 'post' as const, summary: `Ask for it, with a reason` },
      ...{ body: page.decisionRequest, answer: page.askedResponse },
    }),
  ),
  {
    ...{ path: '/api/review', method: 'get', summary: 'Rows that wait for a correction' },
    ...{ query: queue.queueQuery, answer: queue.queueResponse },
  },
  {
    ...{ path: '/api/review/cards', method: 'get', summary: 'The same as cards' },
    ...{ query: queue.cardsQuery, answer: queue.cardsResponse },
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
    securitySchemes: {
      key: { type: 'http', scheme: 'bearer' },
      session: { type: 'apiKey', in: 'cookie', name: 'relearn_session' },
    },
  },
};

function describePaths(): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const { path, method, summary, body, query, answer } of describedRoutes) {
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
    const queried = query === undefined ? {} : (toJson(query, 'input').properties ?? {});
    const shown = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[shown] = {
      ...paths[shown],
      [method]: {
        summary,
        'x-scope': reviewScopes[path],
        parameters: [
          ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
          ...Object.entries(queried).map(([name, schema]) => ({ name, in: 'query', schema })),
        ],
        ...(body === undefined ? {} : { requestBody: { required: true, content: json(toJson(body, 'input')) } }),
        responses: { '2XX': { description: 'done', content: json(toJson(answer, 'output')) } },
      },
    };
  }
  return paths;
}

function json(schema: object) {
  return { 'application/json': { schema } };
}

function toJson(schema: z.ZodType, io: 'input' | 'output') {
  return z.toJSONSchema(schema, { io });
}
