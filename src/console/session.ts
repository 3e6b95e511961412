import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { createContext, use, useSyncExternalStore } from 'react';
import type { z } from 'zod';
import { sessionResponse, type role } from '../http/console-schemas.ts';
import { get, keepCsrf } from './api.ts';

export type Session = z.output<typeof sessionResponse>;
type Role = z.output<typeof role>;

export interface Person {
  /** Who acts, in the audit and on leases. */
  operator: string;
  may: (role: Role) => boolean;
}

const ranks: readonly Role[] = ['view', 'review', 'operate', 'admin'];

export function useSession(): UseQueryResult<Session> {
  return useQuery({
    queryKey: ['session'],
    staleTime: Infinity,
    queryFn: async () => {
      const session = await get('/api/session', sessionResponse);
      keepCsrf(session.csrf);
      return session;
    },
  });
}

/** The buttons that a role shows; the server decides by itself. */
export function personOf({ name, role }: Session, ownName: string | null): Person | null {
  if (role === null) return null;
  const operator = name ?? ownName ?? 'reviewer';
  return { operator, may: (wanted) => ranks.indexOf(role) >= ranks.indexOf(wanted) };
}

const nameItem = 'relearn/name';
const listeners = new Set<() => void>();

/** The name that someone gave themselves where no key names them; null before they did. */
export function useOwnName(): string | null {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => localStorage.getItem(nameItem),
  );
}

export function keepOwnName(name: string): void {
  localStorage.setItem(nameItem, name);
  for (const changed of listeners) changed();
}

const PersonContext = createContext<Person | null>(null);
export const PersonProvider = PersonContext.Provider;

export function usePerson(): Person {
  const person = use(PersonContext);
  if (person === null) throw new Error('nobody is signed in');
  return person;
}
