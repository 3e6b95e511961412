import type { z } from 'zod';
import * as schemas from '../http/review-schemas.ts';
import { ApiError, get, post } from './api.ts';
import type { Target } from './queue-state.ts';

export type Card = z.output<typeof schemas.nextResponse>['cards'][number]['card'];

/** A card in the reviewer's hand. */
export interface Held {
  lease: string;
  card: Card;
  /** When others may take it, by this browser's clock. */
  until: number;
  /** Why it is theirs no more, in words; null while it is. */
  lost: string | null;
}

export type Given = { completion: string } | { right: true };
/** Who came first, and what they said, if anything. */
export type Conflict = z.output<typeof schemas.conflictDetails> & { completion?: string };

export const leaseMinutes = 10;
const leaseEnd = () => Date.now() + leaseMinutes * 60_000;

function hold({ lease, card }: { lease: string; card: Card }): Held {
  return { lease, card, until: leaseEnd(), lost: null };
}

/** What the review screen asks of the server, in one reviewer's name. */
export function reviewCalls(operator: string, target: Target) {
  const named = ({ lease, card }: Held) => ({ operator, lease, request_id: card.request_id });
  const applied = (all: boolean) => ({ apply_to: all ? 'fold' : 'row' });
  const lasting = { lease_minutes: leaseMinutes };

  return {
    /** `held`: the leases that the page knows of. */
    async next(held: readonly string[], count: number) {
      const body = { operator, ...target, ...lasting, held, count };
      const { cards, ...known } = await post('/api/review/next', body, schemas.nextResponse);
      return { ...known, cards: cards.map(hold) };
    },
    answer: (held: Held, given: Given, all: boolean) =>
      post('/api/review/answer', { ...named(held), ...given, ...applied(all) }, schemas.answerResponse),
    skip: (held: Held) => post('/api/review/skip', named(held), schemas.actionResponse),
    remove: (held: Held, all: boolean) =>
      post('/api/review/remove', { ...named(held), ...applied(all) }, schemas.actionResponse),
    async undo() {
      const undone = await post('/api/review/undo', { operator, ...lasting }, schemas.undoResponse);
      return { ...undone, cards: undone.cards.map(hold) };
    },
    async renew(held: Held): Promise<number> {
      await post('/api/review/renew', { ...named(held), ...lasting }, schemas.renewResponse);
      return leaseEnd();
    },
    release: ({ lease }: Held) => post('/api/review/release', { operator, lease }, schemas.nothing),
    /** A correction that needs no lease: the last one wins. */
    overrule: (requestId: string, completion: string) =>
      post('/api/corrections', { operator, request_id: requestId, completion }, schemas.correctionResponse),
  };
}

const tookOver = { answered: 'has answered this row', removed: 'took it out of the queue', holds: 'has this card now' };

/** Why a card is lost, in a sentence. */
export function describeLoss({ details, message }: ApiError): string {
  const conflict = schemas.conflictDetails.safeParse(details).data;
  return conflict === undefined ? message : `${conflict.operator} ${tookOver[conflict.what]}.`;
}

export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 'review_conflict';
}

/** Null where the server says only that the card is not theirs any more. */
export async function readConflict(error: ApiError, requestId: string): Promise<Conflict | null> {
  const conflict = schemas.conflictDetails.safeParse(error.details).data;
  if (conflict?.what !== 'answered') return conflict ?? null;
  const path = `/api/review/said?${new URLSearchParams({ request_id: requestId }).toString()}`;
  const [last] = (await get(path, schemas.saidResponse)).said;
  return last === undefined ? conflict : { ...conflict, ...last };
}
