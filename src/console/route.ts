import { useSyncExternalStore } from 'react';

function useHash(): string {
  return useSyncExternalStore(
    (changed) => {
      addEventListener('hashchange', changed);
      return () => removeEventListener('hashchange', changed);
    },
    () => location.hash,
  );
}

/** The page's place, such as `#/review/mail?incident=i1` → `['review', 'mail']`. */
export function usePlace(): string[] {
  return useHash()
    .replace(/^#\/?/, '')
    .replace(/\?.*$/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
}

/** What follows the place, such as `#/review/mail?incident=i1` → `incident=i1`. */
export function useAsked(): URLSearchParams {
  const [, asked = ''] = useHash().split(/\?(.*)/s);
  return new URLSearchParams(asked);
}

/** The review queue of a model, or the part of it that belongs to an incident or a cluster. */
export function reviewPlace(model: string, part: { incident?: string; cluster?: string } = {}): string {
  const asked = new URLSearchParams(part).toString();
  return placeOf('review', model) + (asked === '' ? '' : `?${asked}`);
}

export function placeOf(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}
