import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { z } from 'zod';
import { logCountResponse, logResponse, type listedRow } from '../http/log-schemas.ts';
import { get } from './api.ts';
import { useShortcuts } from './keys.ts';
import { logPlace, useLogAddress, type Filters } from './log-address.ts';
import { LogFilters } from './log-filters.tsx';
import { LogRow } from './log-row.tsx';
import { TagRows } from './log-tag.tsx';
import { Badge, Failure, Time } from './parts.tsx';
import { usePerson } from './session.ts';
import { confidence } from './log-words.ts';
import './log.css';

type Row = z.output<typeof listedRow>;
type Found = z.output<typeof logResponse>[];

/** Wanted on the screen; an answer that looked too long for them says so, and the page asks on by itself so often. */
const wantedRows = 50;
const mostAsks = 25;

const shortTime = new Intl.DateTimeFormat(undefined, {
  ...({
    day: '2-digit',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  } as const),
});

/** What production asked and answered, as it was kept. */
export default function Log({ model }: { model: string }) {
  const { filters, row: opened } = useLogAddress();
  const { may } = usePerson();
  const list = useRef<HTMLUListElement>(null);
  const query = new URLSearchParams({ model, ...filters }).toString();
  const search = useInfiniteQuery({
    queryKey: ['log', query],
    queryFn: ({ pageParam }) =>
      get(`/api/log?${query}${pageParam === null ? '' : `&after=${encodeURIComponent(pageParam)}`}`, logResponse),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    ...{ staleTime: Infinity, refetchOnWindowFocus: false },
  });
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = search;
  const pages: Found = data?.pages ?? [];
  const rows = pages.flatMap((page) => page.rows);
  const looksOn = rows.length < wantedRows && hasNextPage && pages.length < mostAsks && !isError;
  useEffect(() => {
    if (looksOn && !isFetching) void fetchNextPage();
  }, [looksOn, isFetching, fetchNextPage]);

  const isThere = data !== undefined;
  useEffect(() => {
    if (isThere) list.current?.querySelector('[aria-expanded=true]')?.scrollIntoView({ block: 'center' });
  }, [isThere]);

  const move = (step: 1 | -1) => {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>('.log-line') ?? [])];
    const now = buttons.findIndex((button) => button === document.activeElement);
    buttons[now === -1 ? 0 : now + step]?.focus();
  };
  const find = () => document.getElementById('log-text')?.focus();
  useShortcuts({ j: () => move(1), k: () => move(-1), '/': find });
  const toggle = (id: string) => location.replace(logPlace(model, filters, id === opened ? undefined : id));
  const elsewhere = opened !== null && data !== undefined && !rows.some((row) => row.request_id === opened);

  return (
    <>
      <h1>Log of {model}</h1>
      <LogFilters model={model} filters={filters} />
      <div className="line log-head">
        <Count query={query} />
        <span className="push" />
        {may('review') && <TagRows model={model} filters={filters} />}
        <a className="button" href={`/api/log/export?${query}`} download>
          Export JSONL
        </a>
        <a className="button" href={`/api/log/export?${query}&format=csv`} download>
          CSV
        </a>
        <button type="button" onClick={() => void search.refetch()}>
          Refresh
        </button>
      </div>
      {isError && <Failure error={search.error} />}
      {elsewhere && (
        <section className="panel" aria-label="The row of the address">
          <LogRow id={opened} />
        </section>
      )}
      <ul className="log" ref={list} aria-label="Rows" aria-busy={isFetching}>
        {rows.map((row) => (
          <li key={row.request_id}>
            <Line row={row} opened={row.request_id === opened} toggle={() => toggle(row.request_id)} />
            {row.request_id === opened && <LogRow id={row.request_id} />}
          </li>
        ))}
      </ul>
      <End pages={pages} filters={filters} looks={isFetching || looksOn} more={() => void fetchNextPage()} />
    </>
  );
}

function Line({ row, opened, toggle }: { row: Row; opened: boolean; toggle: () => void }) {
  return (
    <button type="button" className="log-line" aria-expanded={opened} onClick={toggle} data-request={row.request_id}>
      <span className="quiet when">
        <time dateTime={row.ts}>{shortTime.format(new Date(row.ts))}</time>
      </span>
      <span className="cut">{row.prompt}</span>
      <span className="cut said">{row.response}</span>
      <span className="quiet number">{confidence(row.response_logprob)}</span>
      <span className="badges">
        {row.kept_because !== 'healthy' && !row.tags.includes(row.kept_because) && <Badge state={row.kept_because} />}
        {row.corrected_by !== null && <Badge state="corrected" />}
        {row.tags.map((tag) => (
          <Badge key={tag} state={tag} />
        ))}
      </span>
    </button>
  );
}

/** How many rows there are; counting ends at 10,000, or when it takes long. */
function Count({ query }: { query: string }) {
  const count = useQuery({
    queryKey: ['log', 'count', query],
    queryFn: () => get(`/api/log/count?${query}`, logCountResponse),
    ...{ staleTime: Infinity, refetchOnWindowFocus: false },
  });
  if (count.data === undefined) return <span role="status" className="quiet" />;
  const { rows, more, looked_back_to: back } = count.data;
  return (
    <span role="status">
      <b>
        {rows.toLocaleString()}
        {more && '+'}
      </b>{' '}
      {rows === 1 && !more ? 'row' : 'rows'}
      {back !== null && (
        <span className="quiet">
          {' '}
          counted back to <Time at={back} />
        </span>
      )}
    </span>
  );
}

interface EndProps {
  pages: Found;
  filters: Filters;
  looks: boolean;
  more: () => void;
}

/** What is below the last row. */
function End({ pages, filters, looks, more }: EndProps) {
  const last = pages.at(-1);
  const isEmpty = pages.every((page) => page.rows.length === 0);
  if (last === undefined) return <p className="quiet">Loading…</p>;
  if (last.next !== null) {
    return (
      <p className="line log-end">
        {last.looked_back_to !== null && (
          <span className="quiet" role="status">
            Looked back to <Time at={last.looked_back_to} />
          </span>
        )}
        <button type="button" onClick={more} disabled={looks}>
          {looks ? 'Looking…' : last.looked_back_to === null ? 'Older rows' : 'Look further back'}
        </button>
      </p>
    );
  }
  if (!isEmpty) return <p className="quiet log-end">That is all that was kept.</p>;
  return Object.keys(filters).length > 0 ? (
    <p className="empty">No kept row passes these filters. Take one off, or widen the time.</p>
  ) : (
    <p className="empty">
      Nothing was kept yet. Send the gateway a request, as to <code>POST /v1/chat/completions</code>: all that is unsure
      or complained about stays here, and a share of the rest.
    </p>
  );
}
