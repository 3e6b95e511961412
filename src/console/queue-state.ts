import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import type { z } from 'zod';
import { stateResponse } from '../http/review-schemas.ts';
import { get } from './api.ts';

/** What is reviewed: a model's queue, or the part of it that belongs to an incident, a tag or a cluster. */
export interface Target {
  model: string;
  incident?: string;
  tag?: string;
  cluster?: string;
}

export type QueueState = z.output<typeof stateResponse>;
export const queueStateKey = (target: Target) => ['live', 'review', target];

/** How far the queue is, and who reviews; asked again when something changes, and now and then for who holds cards. */
export function useQueueState(target: Target): UseQueryResult<QueueState> {
  return useQuery({
    queryKey: queueStateKey(target),
    refetchInterval: 15_000,
    queryFn: () => get(`/api/review/state?${new URLSearchParams({ ...target }).toString()}`, stateResponse),
  });
}
