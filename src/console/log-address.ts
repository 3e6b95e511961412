import { placeOf, useAsked } from './route.ts';

/** The filters of the log, by their names in the address and in the API. */
const names = [
  'text',
  'from',
  'to',
  'version',
  'tag',
  'cluster',
  'kept_because',
  'logprob_from',
  'logprob_below',
] as const;
export type Filters = Partial<Record<(typeof names)[number], string>>;

/** What the address narrows the log to, and the row it opens: a view is shared by its address. */
export function useLogAddress(): { filters: Filters; row: string | null } {
  const asked = useAsked();
  return { filters: readFilters((name) => asked.get(name)), row: asked.get('row') };
}

/** The filters that `read` knows a value of. */
export function readFilters(read: (name: string) => string | null): Filters {
  const filters: Filters = {};
  for (const name of names) {
    const value = read(name)?.trim();
    if (value) filters[name] = value;
  }
  return filters;
}

/** The address of a model's log. */
export function logPlace(model: string, filters: Filters, row?: string): string {
  const query = new URLSearchParams(row === undefined ? filters : { ...filters, row }).toString();
  return placeOf('log', model) + (query === '' ? '' : `?${query}`);
}
