import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { facetsResponse, keptBecause } from '../http/log-schemas.ts';
import { get } from './api.ts';
import { logPlace, readFilters, type Filters } from './log-address.ts';

const hours = { '1 h': 1, '24 h': 24, '7 d': 7 * 24, '30 d': 30 * 24 } as const;

interface LogFiltersProps {
  model: string;
  filters: Filters;
}

/** The filters as fields. What they say goes into the address, which the page reads. */
export function LogFilters({ model, filters }: LogFiltersProps) {
  const address = logPlace(model, filters);
  const [draft, setDraft] = useState(filters);
  const [shown, setShown] = useState(address);
  if (shown !== address) {
    setShown(address);
    setDraft(filters);
  }
  const facets = useQuery({
    queryKey: ['log', 'facets', model],
    queryFn: () => get(`/api/log/facets?${new URLSearchParams({ model }).toString()}`, facetsResponse),
  });
  const go = (next: Filters) => {
    location.hash = logPlace(
      model,
      readFilters((name) => new Map(Object.entries(next)).get(name) ?? null),
    );
  };
  const field = (name: keyof Filters) => ({
    name,
    value: draft[name] ?? '',
    onChange: ({ target }: { target: { value: string } }) => setDraft({ ...draft, [name]: target.value }),
  });
  const time = (name: 'from' | 'to') => ({
    ...{ name, type: 'datetime-local', value: localTime(draft[name]) },
    onChange: ({ target }: { target: { value: string } }) =>
      setDraft({ ...draft, [name]: target.value === '' ? '' : new Date(target.value).toISOString() }),
  });
  const since = (count: number) =>
    go({ ...draft, to: '', from: new Date(Date.now() - count * 3_600_000).toISOString() });
  const { text, ...others } = filters;
  const set = Object.keys(others).length;
  return (
    <form
      className="log-filters panel"
      role="search"
      aria-label="Log"
      onSubmit={(event) => {
        event.preventDefault();
        go(draft);
      }}
    >
      <div className="line">
        <input
          id="log-text"
          type="search"
          maxLength={200}
          placeholder="Find in prompts and answers ( / )"
          aria-label="Text in prompt or answer"
          {...field('text')}
        />
        <button type="submit" className="primary">
          Find
        </button>
        <span className="spans" role="group" aria-label="Time">
          {Object.entries(hours).map(([name, count]) => (
            <button key={name} type="button" onClick={() => since(count)}>
              {name}
            </button>
          ))}
        </span>
        {(set > 0 || text !== undefined) && <a href={logPlace(model, {})}>Clear</a>}
      </div>
      <details open={set > 0 || innerWidth > 640}>
        <summary>Filters{set > 0 && ` · ${set} on`}</summary>
        <div className="fields">
          <label>
            Kept because
            <select {...field('kept_because')} onChange={({ target }) => go({ ...draft, kept_because: target.value })}>
              <option value="">anything</option>
              {keptBecause.options.map((reason) => (
                <option key={reason} value={reason}>
                  {reason.replaceAll('_', ' ')}
                </option>
              ))}
            </select>
          </label>
          <label>
            Tag
            <input maxLength={200} list="log-tags" autoComplete="off" {...field('tag')} />
          </label>
          <label>
            Version
            <input maxLength={200} list="log-versions" autoComplete="off" {...field('version')} />
          </label>
          {filters.cluster !== undefined && (
            <label>
              Cluster
              <input maxLength={200} autoComplete="off" {...field('cluster')} />
            </label>
          )}
          <label>
            From
            <input {...time('from')} />
          </label>
          <label>
            Before
            <input {...time('to')} />
          </label>
          <label title="−0.69 is 50 %, −3 is 5 %">
            Log-prob. from
            <input type="number" max={0} step="any" placeholder="−3" {...field('logprob_from')} />
          </label>
          <label title="−0.69 is 50 %, −3 is 5 %">
            Log-prob. below
            <input type="number" max={0} step="any" placeholder="−0.7" {...field('logprob_below')} />
          </label>
        </div>
      </details>
      <datalist id="log-tags">
        {facets.data?.tags.map(({ tag, rows }) => (
          <option key={tag} value={tag} label={`${tag} (${rows.toLocaleString()}${rows >= 1000 ? '+' : ''})`} />
        ))}
      </datalist>
      <datalist id="log-versions">
        {facets.data?.versions.map((version) => (
          <option key={version} value={version} />
        ))}
      </datalist>
    </form>
  );
}

/** A time of the address as the field shows it, in the reader's time zone. */
function localTime(at: string | undefined): string {
  const time = at === undefined ? NaN : Date.parse(at);
  if (Number.isNaN(time)) return '';
  const offset = new Date(time).getTimezoneOffset() * 60_000;
  return new Date(time - offset).toISOString().slice(0, 16);
}
