import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import { lineageResponse, lineageRowsResponse, type versionResponse } from '../http/version-schemas.ts';
import { get } from './api.ts';
import { Failure, Time } from './parts.tsx';
import { placeOf } from './route.ts';

type Version = z.output<typeof versionResponse>;
type Count = Version['operators'][number];

/** Where a version comes from: dataset, incidents, people, and each row with its correction. */
export function Lineage({ version }: { version: Version }) {
  const { dataset, operators, incidents } = version;
  if (dataset === null) {
    return (
      <section className="panel" aria-label="Lineage">
        <h2>Lineage</h2>
        <p className="quiet">Trained on its base set, or elsewhere: no correction of a person is in it.</p>
      </section>
    );
  }
  const { trainRows, heldOutRows } = dataset.manifest;
  return (
    <section className="panel" aria-label="Lineage">
      <h2>Lineage</h2>
      <p>
        Dataset <code>{dataset.id.slice(0, 12)}</code>, made <Time at={dataset.created_at} />: {trainRows} rows learned,{' '}
        {heldOutRows} held out for its gates.
        {dataset.revision !== dataset.id && <span className="warning"> Rows of it were erased since.</span>}
      </p>
      <div className="columns">
        <Counts of="Corrected by" unnamed="erased" counts={operators} />
        <Counts of="Of incident" unnamed="none" counts={incidents} link={(name) => placeOf('incidents', name)} />
      </div>
      <Rows version={version} />
    </section>
  );
}

interface CountsProps {
  of: string;
  /** What stands for a missing name. */
  unnamed: string;
  counts: readonly Count[];
  link?: (name: string) => string;
}

function Counts({ of, unnamed, counts, link }: CountsProps) {
  return (
    <div className="scroll" role="region" aria-label={of} tabIndex={0}>
      <table className="numbers">
        <thead>
          <tr>
            <th>{of}</th>
            <th>Learned</th>
            <th>Held out</th>
            <th>Said again</th>
          </tr>
        </thead>
        <tbody>
          {counts.map(({ name, train, held_out, duplicate }) => (
            <tr key={name}>
              <th scope="row">
                {name === null ? unnamed : link === undefined ? name : <a href={link(name)}>{name}</a>}
              </th>
              <td>{train}</td>
              <td>{held_out}</td>
              <td>{duplicate}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Loaded when someone looks. */
function Rows({ version }: { version: Version }) {
  const [open, setOpen] = useState(false);
  const [after, setAfter] = useState<string | null>(null);
  const path = `/api/models/${encodeURIComponent(version.model)}/versions/${encodeURIComponent(version.version)}/rows`;
  const rows = useQuery({
    queryKey: ['lineage', version.model, version.version, after],
    queryFn: () => get(after === null ? path : `${path}?after=${encodeURIComponent(after)}`, lineageRowsResponse),
    enabled: open,
  });
  const next = rows.data?.next ?? null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Each row with its correction</summary>
      {rows.isError && <Failure error={rows.error} />}
      <ul className="rows">
        {rows.data?.rows.map((row) => (
          <li key={row.request_id}>
            <code>{row.request_id}</code> {row.split.replace('_', ' ')}, corrected by{' '}
            {row.operator ?? 'someone who was erased'}
            {row.corrected_at !== null && (
              <>
                {' '}
                <Time at={row.corrected_at} />
              </>
            )}
            <LearnedFrom requestId={row.request_id} />
          </li>
        ))}
      </ul>
      <div className="actions">
        {after !== null && (
          <button type="button" onClick={() => setAfter(null)}>
            First rows
          </button>
        )}
        {next !== null && (
          <button type="button" onClick={() => setAfter(next)}>
            More rows
          </button>
        )}
      </div>
    </details>
  );
}

/** The way back: which versions learned from a row. */
function LearnedFrom({ requestId }: { requestId: string }) {
  const [open, setOpen] = useState(false);
  const traced = useQuery({
    queryKey: ['lineage', 'trace', requestId],
    queryFn: () => get(`/api/lineage?request_id=${encodeURIComponent(requestId)}`, lineageResponse),
    enabled: open,
  });
  const versions = traced.data?.learned_from.flatMap((each) =>
    each.versions.map((made) => ({ ...made, model: each.model })),
  );
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What learned from it</summary>
      {traced.isError && <Failure error={traced.error} />}
      {versions?.map(({ model, version, champion, tainted }) => (
        <span key={`${model}/${version}`}>
          <a href={placeOf('versions', model, version)}>{version}</a>
          {champion && ', the champion'}
          {tainted && ', tainted'}{' '}
        </span>
      ))}
    </details>
  );
}
