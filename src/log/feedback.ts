import { v7 } from 'uuid';
import type { Database } from '../database.ts';
import { RelearnError } from '../errors.ts';
import { redactToStore } from './redact/index.ts';
import { findRow, pinRows, type StoredRow } from './rows.ts';

export const feedbackKinds = ['thumbs_up', 'thumbs_down', 'regenerate', 'report'] as const;
export type FeedbackKind = (typeof feedbackKinds)[number];

export interface Feedback {
  requestId: string;
  kind: FeedbackKind;
  /** In the user's words; redacted here. */
  comment?: string | null | undefined;
  /** 16 hex digits, or null when the caller named no user. */
  userIdHash: string | null;
}

/**
 * Stores what a user said of an answer. Anything but a thumbs-up holds the row for good and tags it `user_negative`.
 * Throws `request_not_found`: a row that was written a moment ago may still wait in a gateway's memory. Throws
 * `redactor_unavailable`: nothing is stored, and may be sent again.
 */
export async function storeFeedback(db: Database, feedback: Feedback): Promise<{ id: string }> {
  const { requestId, kind, userIdHash } = feedback;
  const said = feedback.comment?.replaceAll('\0', '');
  const comment = said === undefined ? null : await redactToStore((redact) => redact(said));
  const id = v7();
  await db.transaction(async (tx) => {
    const row = await findRow(tx, requestId);
    if (row === null) {
      throw new RelearnError(
        'request_not_found',
        'No logged request has this id. Wanted the id of a response; rows that were not sampled are known for the hot window only.',
      );
    }
    await tx.query(
      `insert into relearn.feedback (id, request_id, model, kind, comment, user_id_hash) values ($1, $2, $3, $4, $5, $6)`,
      [id, requestId, row.model, kind, comment, userIdHash],
    );
    if (kind === 'thumbs_up') return;
    await pinRows(tx, [requestId], 'user_negative');
    if (row.source === 'production') await tagUserNegative(tx, row);
  });
  return { id };
}

/** Tags the row and counts it in its minute, once however many complain. A tag that a person took off stays off. */
async function tagUserNegative(db: Database, { requestId, model, modelVersion, source, ts }: StoredRow): Promise<void> {
  await db.query(
    `with tagged as (
       insert into relearn.tags (request_id, tag, model, source)
       select $1, 'user_negative', $2, 'user'
       where not exists (select from relearn.tag_removals where request_id = $1 and tag = 'user_negative')
       on conflict do nothing returning 1
     )
     insert into relearn.minutes as m (model, model_version, source, minute, negative)
     select $2, $3, $4, date_trunc('minute', $5::timestamptz), 1 from tagged
     on conflict (model, minute, model_version, source) do update set negative = m.negative + 1`,
    [requestId, model, modelVersion, source, ts],
  );
}
