import { useEffect, useState } from 'react';
import { redactResponse } from '../http/console-schemas.ts';
import { post } from './api.ts';

const saveAfterMs = 600;
const itemOf = (requestId: string) => `relearn/draft/${requestId}`;
/** As they were typed, for as long as this page is open: a card that comes back still has its text. */
const typed = new Map<string, string>();

/**
 * What a reviewer has written about a row and not sent yet; null for nothing. It outlives the page: the browser keeps
 * it as the server redacts it, never as it was typed. The last part tells whether it does.
 */
export function useDraft(requestId: string): [string | null, (text: string | null) => void, boolean] {
  const [draft, setDraft] = useState(() => typed.get(requestId) ?? localStorage.getItem(itemOf(requestId)));
  const [kept, setKept] = useState<string | null>(null);
  useEffect(() => {
    if (draft === null) return forgetDraft(requestId);
    typed.set(requestId, draft);
    let dropped = false;
    const timer = setTimeout(() => {
      post('/api/redact', { text: draft }, redactResponse).then(
        ({ text }) => {
          if (dropped) return;
          localStorage.setItem(itemOf(requestId), text);
          setKept(draft);
        },
        () => undefined, // it is still on the screen
      );
    }, saveAfterMs);
    return () => {
      dropped = true;
      clearTimeout(timer);
    };
  }, [draft, requestId]);
  return [draft, setDraft, draft !== null && kept === draft];
}

/** A row was answered, and the server has heard of it: its draft has done its work. */
export function forgetDraft(requestId: string): void {
  typed.delete(requestId);
  localStorage.removeItem(itemOf(requestId));
}
