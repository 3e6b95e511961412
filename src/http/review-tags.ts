import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { recordAudit } from '../audit.ts';
import { withPatience } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { feedbackKinds } from '../log/feedback.ts';
import { redactToStore } from '../log/redact/index.ts';
import { countTags, removeTags, tagHistory } from '../tag/remove-tags.ts';
import { pattern } from '../tag/config.ts';
import { countRows, selectRows } from '../tag/select-rows.ts';
import { addTags } from '../tag/tags.ts';
import { parseRequest } from './errors.ts';
import { keptBecause, searchText } from './log-schemas.ts';
import { actorOf, findModel, type ReviewOptions } from './review-options.ts';
import { label, requestId } from './words.ts';

/** More at once would hold the rows' locks for seconds: a narrower filter, twice. */
const mostRows = 100_000;

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const filter = z.strictObject({
  model: z.string(),
  from: time.optional(),
  to: time.optional(),
  tag: label.optional(),
  incident: label.optional(),
  version: label.optional(),
  kept_because: z.array(keptBecause).optional(),
  logprob_from: z.number().optional(),
  logprob_below: z.number().optional(),
  feedback: z.array(z.enum(feedbackKinds)).optional(),
  prompt: pattern.optional(),
  response: pattern.optional(),
  text: searchText.optional(),
  cluster: label.optional(),
});
const change = z.object({ tag: label, operator: label, action: z.enum(['add', 'remove']).default('add') });
const byIds = change.extend({
  request_ids: z.array(requestId).min(1).max(5000),
  dry_run: z.literal(false, 'goes with a filter: request_ids name their rows already').optional(),
  reason: z.string().max(2000).optional(),
});
const byFilter = change.extend({
  filter,
  dry_run: z.boolean().default(false),
  reason: z.string().max(2000).optional(),
});
export const tagsRequest = z.union([byIds, byFilter]);
const tagsQuery = z.union([z.object({ request_id: requestId }), z.object({ model: z.string() })]);

/**
 * `GET /api/tags?model=` counts a model's tags, `?request_id=` tells what became of one row's. `POST /api/tags` adds a
 * tag or takes it off: to rows by id, or to all kept rows that a filter lets pass, after a look with `dry_run`.
 */
/** A filter may look through the whole log. */
const longestStatementMs = 10 * 60_000;

export function addTagRoutes(app: FastifyInstance, { config, db }: ReviewOptions): void {
  const patient = withPatience(db, longestStatementMs);
  app.get('/api/tags', async (request) => {
    const query = parseRequest(tagsQuery, request.query);
    if ('request_id' in query) return { history: await tagHistory(db, query.request_id) };
    findModel(config, query.model);
    return { tags: await countTags(db, query.model) };
  });

  app.post('/api/tags', async (request) => {
    const names = (key: string) => typeof request.body === 'object' && request.body !== null && key in request.body;
    if (names('filter') && names('request_ids')) {
      throw new RelearnError('invalid_request', 'request_ids, filter: wanted one of them, not both.');
    }
    if (!names('filter')) {
      const body = await redactWords(parseRequest(byIds, request.body));
      const changed = await apply(body, body.request_ids);
      await note(body, countOf(changed));
      return changed;
    }
    const body = await redactWords(parseRequest(byFilter, request.body));
    findModel(config, body.filter.model);
    const { kept_because: because, logprob_from: logprobFrom, logprob_below: logprobBelow, ...same } = body.filter;
    const rowFilter = { ...same, keptBecause: because, logprobFrom, logprobBelow };
    // Who takes a tag off many rows means those that carry it.
    const wanted = body.action === 'remove' ? { ...rowFilter, tag: rowFilter.tag ?? body.tag } : rowFilter;
    if (body.dry_run) return { rows: await countRows(patient, wanted) };
    const ids = await selectRows(patient, wanted, mostRows + 1);
    if (ids.length > mostRows) {
      throw new RelearnError(
        'invalid_request',
        `filter: matches more than ${mostRows.toLocaleString('en')} rows. Narrow it, by from and to for example.`,
      );
    }
    const changed = await apply(body, ids);
    const rows = countOf(changed);
    await note(body, rows, body.filter);
    return { rows };

    async function apply(given: z.output<typeof change> & { reason?: string | undefined }, requestIds: string[]) {
      const { tag, operator: actor, reason } = given;
      if (given.action === 'add') return addTags(patient, { tag, requestIds, source: 'operator', actor });
      return { removed: await removeTags(patient, { tag, requestIds, actor, reason }) };
    }

    async function note(given: z.output<typeof change>, rows: number, chosenBy?: z.output<typeof filter>) {
      await recordAudit(db, {
        actor: actorOf(request, given.operator),
        action: `${given.action}_tag`,
        model: chosenBy?.model,
        subject: given.tag,
        // By names: what a condition looks for may be a user's text.
        details: { rows, ...(chosenBy === undefined ? {} : { filter: Object.keys(chosenBy) }) },
      });
    }
  });
}

/** What an operator typed, as it is stored. A tag is redacted alike when it is added and when it is taken off. */
function redactWords<Words extends { tag: string; reason?: string | undefined }>(words: Words): Promise<Words> {
  const { tag, reason } = words;
  return redactToStore((redact) => ({ ...words, tag: redact(tag), ...(reason && { reason: redact(reason) }) }));
}

function countOf(changed: { tagged: string[] } | { removed: string[] }): number {
  return 'tagged' in changed ? changed.tagged.length : changed.removed.length;
}
