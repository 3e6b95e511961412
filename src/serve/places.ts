import type { Loaded } from './serving.ts';

/** What is loaded for one purpose. */
export interface Slot {
  loaded: Loaded | undefined;
  /** The load under way. One that ends after another has begun is of no use any more. */
  loading: { version: string } | undefined;
  /** Of the token that last failed to load. */
  failedToken: number;
  failures: number;
  retryAt: number;
}

/** What is loaded of one model. */
export interface Places {
  champion: Slot;
  challenger: Slot;
  /** Part of the traffic that the challenger answers. */
  share: number;
  fallback: Slot;
  /** The version to keep loaded for a rollback. */
  keeps: string | undefined;
}

export function emptySlot(): Slot {
  return { loaded: undefined, loading: undefined, failedToken: 0, failures: 0, retryAt: 0 };
}

export function emptyPlaces(): Places {
  return { champion: emptySlot(), challenger: emptySlot(), share: 0, fallback: emptySlot(), keeps: undefined };
}

export function slotsOf({ champion, challenger, fallback }: Places): Slot[] {
  return [champion, challenger, fallback];
}

export function versionIn(slot: Slot): string | undefined {
  return slot.loaded?.serving.version;
}

/** Takes the version out of the slot that holds it, besides the champion's. Undefined where none does. */
export function takeLoaded(place: Places | undefined, version: string): Loaded | undefined {
  const slot = place && [place.challenger, place.fallback].find((held) => versionIn(held) === version);
  const loaded = slot?.loaded;
  if (slot !== undefined) Object.assign(slot, emptySlot());
  return loaded;
}
