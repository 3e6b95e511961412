import { useEffect, useState } from 'react';
import type { Held } from './review-calls.ts';

const soonMs = 2 * 60_000;

/** How long a card is the reviewer's, or why it is not any more. */
export function Lease({ held: { until, lost } }: { held: Held }) {
  const now = useNow();
  const left = until - now;
  if (lost !== null)
    return <p className="banner">{lost} What you wrote is kept: send it, and both answers are compared.</p>;
  if (left <= 0) {
    return <p className="banner">Your ten minutes are over. An answer still counts unless someone took the card.</p>;
  }
  const minutes = Math.floor(left / 60_000);
  const seconds = Math.floor((left % 60_000) / 1000);
  return (
    <span className={left < soonMs ? 'warning' : 'quiet'} title="Nobody else gets this card meanwhile.">
      yours for {left < soonMs ? `${minutes}:${String(seconds).padStart(2, '0')}` : `${minutes + 1} min`}
    </span>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
