import { useEffect, useRef } from 'react';
import { leaseMinutes, type Held } from './review-calls.ts';

const lookEveryMs = 5000;
const renewAfterMs = 60_000;
const signsOfLife = ['keydown', 'pointermove', 'wheel', 'touchstart'] as const;

/** Holds cards for longer while someone is there; who went away gives them back by and by. */
export function useRenewal(hand: { current: readonly Held[] }, renew: (held: Held) => void): void {
  const latest = useRef(renew);
  useEffect(() => {
    latest.current = renew;
  });
  useEffect(() => {
    let seenAt = Date.now();
    const seen = () => (seenAt = Date.now());
    for (const sign of signsOfLife) addEventListener(sign, seen, { passive: true });
    const timer = setInterval(() => {
      for (const held of hand.current) {
        const heldAt = held.until - leaseMinutes * 60_000;
        if (held.lost === null && seenAt > heldAt && Date.now() - heldAt > renewAfterMs) latest.current(held);
      }
    }, lookEveryMs);
    return () => {
      clearInterval(timer);
      for (const sign of signsOfLife) removeEventListener(sign, seen);
    };
  }, [hand]);
}
