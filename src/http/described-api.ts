import * as answers from './answer-schemas.ts';
import * as page from './console-schemas.ts';
import type { Described } from './openapi.ts';
import { correctionsRequest, streamFormats } from './review-corrections.ts';
import { erasureRequest } from './review-erasures.ts';
import { releaseRequest } from './review-schemas.ts';
import { tagsRequest } from './review-tags.ts';
import { webhookRequest } from './label-studio-webhook.ts';
import { driftEvent } from '../watch/report-drift.ts';
import * as versions from './version-schemas.ts';

const ofVersion = '/api/models/:model/versions/:version';

/** Versions and their lineage. */
const versionRoutes: readonly Described[] = [
  {
    ...{ path: '/api/models/:model/versions', method: 'get', summary: 'Versions of a model, newest first' },
    ...{ query: versions.versionsQuery, answer: versions.versionsResponse },
  },
  {
    ...{ path: ofVersion, method: 'get', summary: 'One version: certificate in words, comparison, lineage' },
    answer: versions.versionResponse,
  },
  {
    ...{ path: `${ofVersion}/rows`, method: 'get', summary: 'The rows it learned from, with their corrections' },
    ...{ query: versions.lineageRowsQuery, answer: versions.lineageRowsResponse },
  },
  {
    ...{ path: '/api/lineage', method: 'get', summary: 'What learned from a request' },
    ...{ query: versions.lineageQuery, answer: versions.lineageResponse },
  },
  {
    ...{ path: '/api/models/:model/rollback', method: 'post', summary: 'Let the version before serve again' },
    ...{ body: versions.rollbackRequest, answer: page.askedResponse },
  },
  {
    ...{ path: `${ofVersion}/promote`, method: 'post', summary: 'Let a certified version serve' },
    ...{ body: versions.promoteRequest, answer: page.askedResponse },
  },
];

/** Routes that programs use, and those that serve the page beside its data. */
export const programRoutes: readonly Described[] = [
  ...versionRoutes,
  { path: '/healthz', method: 'get', summary: 'Whether the process answers', answer: answers.healthResponse },
  { path: '/api/session', method: 'delete', summary: 'Sign out', answer: null },
  {
    path: '/api/events',
    method: 'get',
    summary: 'Tells a page to ask again',
    answer: null,
    produces: 'text/event-stream',
  },
  { path: '/api/openapi.json', method: 'get', summary: 'This document', answer: answers.documentResponse },
  {
    ...{ path: '/api/redact', method: 'post', summary: 'A text as it would be stored' },
    ...{ body: page.redactRequest, answer: page.redactResponse },
  },
  {
    ...{ path: '/api/review/release', method: 'post', summary: 'Let go of a card' },
    ...{ body: releaseRequest, answer: null },
  },
  {
    ...{ path: '/api/corrections', method: 'post', summary: 'Corrections: one, a list, or a stream' },
    ...{ body: correctionsRequest, streams: Object.keys(streamFormats), answer: answers.correctionsResponse },
  },
  {
    ...{ path: '/api/tags', method: 'get', summary: 'Tags of a model, or what became of one row’s' },
    ...{ query: answers.tagsQueryShown, answer: answers.tagsResponse },
  },
  {
    ...{ path: '/api/tags', method: 'post', summary: 'Add a tag to rows or take it off: by id or by a filter' },
    ...{ body: tagsRequest, answer: answers.tagChangeResponse },
  },
  {
    ...{ path: '/api/drift-events', method: 'post', summary: 'A detector outside has seen drift' },
    ...{ body: driftEvent, answer: answers.driftEventResponse },
  },
  {
    ...{ path: '/api/retrain', method: 'post', summary: 'Ask for a retrain' },
    ...{ body: page.retrainRequest, answer: answers.triggeredResponse },
  },
  {
    ...{ path: '/api/erasures', method: 'post', summary: 'Erase what a user asked' },
    ...{ body: erasureRequest, answer: answers.erasureStartedResponse },
  },
  { path: '/api/erasures/:user', method: 'get', summary: 'The receipt of an erasure', answer: answers.erasureResponse },
  {
    ...{ path: '/api/webhooks/label-studio', method: 'post', summary: 'An annotation of Label Studio' },
    ...{ body: webhookRequest, answer: answers.takenResponse },
  },
];
