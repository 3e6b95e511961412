import { useSyncExternalStore } from 'react';

/** The page's place, such as `#/review/mail` → `['review', 'mail']`. */
export function usePlace(): string[] {
  const hash = useSyncExternalStore(
    (changed) => {
      addEventListener('hashchange', changed);
      return () => removeEventListener('hashchange', changed);
    },
    () => location.hash,
  );
  return hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
}

export function placeOf(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}
