import { useEffect, useState } from 'react';
import { redactResponse } from '../http/console-schemas.ts';
import { post } from './api.ts';

const saveAfterMs = 600;

/**
 * What a reviewer has written about a row and not sent yet; null for nothing. It outlives the page: the browser keeps
 * it as the server redacts it, never as it was typed.
 */
export function useDraft(requestId: string): [string | null, (text: string | null) => void] {
  const item = `relearn/draft/${requestId}`;
  const [draft, setDraft] = useState(() => localStorage.getItem(item));
  useEffect(() => {
    if (draft === null) return localStorage.removeItem(item);
    let dropped = false;
    const timer = setTimeout(() => {
      post('/api/redact', { text: draft }, redactResponse).then(
        ({ text }) => {
          if (!dropped) localStorage.setItem(item, text);
        },
        () => undefined, // it is still on the screen
      );
    }, saveAfterMs);
    return () => {
      dropped = true;
      clearTimeout(timer);
    };
  }, [draft, item]);
  return [draft, setDraft];
}

/** A row was answered: its draft has done its work. */
export function forgetDraft(requestId: string): void {
  localStorage.removeItem(`relearn/draft/${requestId}`);
}
