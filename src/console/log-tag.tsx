import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { taggedResponse } from '../http/log-schemas.ts';
import { post } from './api.ts';
import type { Filters } from './log-address.ts';
import { Failure } from './parts.tsx';
import { usePerson } from './session.ts';

interface TagRowsProps {
  model: string;
  filters: Filters;
}

/** Tags all rows that the filters let pass, or takes a tag off them, after it has shown how many they are. */
export function TagRows({ model, filters }: TagRowsProps) {
  const { operator } = usePerson();
  const client = useQueryClient();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [tag, setTag] = useState('');
  const [action, setAction] = useState<'add' | 'remove'>('add');
  /** When the dialog was opened; null while it is closed. Rows that come later are neither counted nor tagged. */
  const [until, setUntil] = useState<string | null>(null);
  const filter = { ...bodyOf(filters), model, to: filters.to ?? until ?? undefined };
  const name = tag.trim();
  const ask = (dryRun: boolean) => {
    return post('/api/tags', { tag: name || 'preview', operator, action, filter, dry_run: dryRun }, taggedResponse);
  };
  // What is taken off depends on the tag, what is added to does not.
  const preview = useQuery({
    queryKey: ['log', 'tag preview', filter, action, action === 'remove' ? name : ''],
    queryFn: () => ask(true),
    enabled: until !== null && (action === 'add' || name !== ''),
    ...{ staleTime: Infinity, retry: false, refetchOnWindowFocus: false },
  });
  const change = useMutation({
    mutationFn: () => ask(false),
    onSuccess: () => {
      dialog.current?.close();
      void client.invalidateQueries({ queryKey: ['log'] });
      void client.invalidateQueries({ queryKey: ['live'] });
    },
  });
  const rows = preview.data?.rows;
  const open = () => {
    change.reset();
    setUntil(new Date().toISOString());
    dialog.current?.showModal();
  };
  return (
    <>
      {change.isSuccess && <span role="status">{change.data.rows.toLocaleString()} rows changed.</span>}
      <button type="button" onClick={open}>
        Tag these…
      </button>
      <dialog ref={dialog} aria-labelledby={`${id}-title`} onClose={() => setUntil(null)}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            change.mutate();
          }}
        >
          <h2 id={`${id}-title`}>Tag what is filtered</h2>
          <fieldset className="line">
            <legend className="quiet">What to do</legend>
            {(['add', 'remove'] as const).map((each) => (
              <label key={each}>
                <input type="radio" name="action" checked={action === each} onChange={() => setAction(each)} />{' '}
                {each === 'add' ? 'Add a tag' : 'Take a tag off'}
              </label>
            ))}
          </fieldset>
          <label htmlFor={id}>Tag</label>
          <input
            id={id}
            required
            maxLength={200}
            value={tag}
            onChange={(event) => setTag(event.target.value)}
            list="log-tags"
            autoComplete="off"
          />
          <p role="status">
            {rows === undefined
              ? preview.isError || !preview.isFetching
                ? ''
                : 'Counting…'
              : `${rows.toLocaleString()} rows ${action === 'add' ? 'get the tag and wait in the review queue' : 'lose the tag'}.`}
          </p>
          {preview.isError && <Failure error={preview.error} />}
          {change.isError && <Failure error={change.error} />}
          <div className="actions">
            <button type="submit" className="primary" disabled={change.isPending || name === '' || !rows}>
              {change.isPending
                ? 'Tagging…'
                : `${action === 'add' ? 'Tag' : 'Untag'} ${(rows ?? 0).toLocaleString()} rows`}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

/** The address' filters as the request has them. */
function bodyOf({ kept_because: because, logprob_from: from, logprob_below: below, ...same }: Filters) {
  return {
    ...same,
    ...(because === undefined ? {} : { kept_because: [because] }),
    ...(from === undefined ? {} : { logprob_from: Number(from) }),
    ...(below === undefined ? {} : { logprob_below: Number(below) }),
  };
}
