import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

const pollMs = 5000;

/** Asks again for what is shown when the server says that something changed; every five seconds while it cannot say. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [live, setLive] = useState(false);
  useEffect(() => {
    const refresh = () => void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'live' });
    const source = new EventSource('/api/events');
    let timer: ReturnType<typeof setInterval> | undefined;
    source.addEventListener('change', refresh);
    source.addEventListener('open', () => {
      clearInterval(timer);
      timer = undefined;
      setLive(true);
      refresh();
    });
    source.addEventListener('error', () => {
      timer ??= setInterval(refresh, pollMs);
      setLive(false);
    });
    return () => {
      source.close();
      clearInterval(timer);
    };
  }, [client]);
  return live;
}
