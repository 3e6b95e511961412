import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { z } from 'zod';
import { rowResponse } from '../http/log-schemas.ts';
import { get } from './api.ts';
import { Conversation } from './conversation.tsx';
import { confidence } from './log-words.ts';
import { Badge, Failure, Redacted, Time } from './parts.tsx';
import { placeOf } from './route.ts';

type Row = z.output<typeof rowResponse>;

/** All that is known of one row: what was said, what people said of it, and what learned from it. */
export function LogRow({ id }: { id: string }) {
  const asked = useQuery({
    queryKey: ['live', 'log row', id],
    queryFn: () => get(`/api/log/row?${new URLSearchParams({ request_id: id }).toString()}`, rowResponse),
  });
  if (asked.isError) return <Failure error={asked.error} />;
  const row = asked.data;
  if (row === undefined) return <p className="quiet">Loading…</p>;
  return (
    <article className="log-row" aria-label={`Row ${id}`}>
      <div className="sides">
        <section>
          <h2>Prompt</h2>
          <Conversation prompt={row.prompt} />
        </section>
        <section>
          <h2>Answer of {row.model_version}</h2>
          <p className="text">
            <Redacted text={row.response} />
          </p>
          <Corrections row={row} />
        </section>
      </div>
      <dl className="facts">
        <Fact name="Request">
          <code>{row.request_id}</code> at <Time at={row.ts} />
          {row.user_id_hash !== null && (
            <>
              {' '}
              by user <code>{row.user_id_hash}</code>
            </>
          )}
        </Fact>
        <Fact name="Log-probability">
          {confidence(row.response_logprob)}, answered in {Math.round(row.latency_ms).toLocaleString()} ms
        </Fact>
        <Fact name="Kept because">{keptWords(row)}</Fact>
        <Fact name="Feedback">
          {row.feedback.length === 0 && <span className="quiet">none</span>}
          {row.feedback.map(({ kind, comment, at }) => (
            <div key={at}>
              <Badge state={kind} /> <Time at={at} /> {comment !== null && <Redacted text={`“${comment}”`} />}
            </div>
          ))}
        </Fact>
        <Fact name="Tags">
          {row.tags.length === 0 && <span className="quiet">none</span>}
          {row.tags.map(({ at, change, tag, source, actor, incident }) => (
            <div key={`${at}${change}${tag}${incident}`} className={change === 'removed' ? 'quiet' : ''}>
              <Badge state={tag} /> {change === 'removed' ? 'taken off' : 'added'} by {actor ?? source} <Time at={at} />
              {incident !== '' && (
                <>
                  {' '}
                  in an <a href={placeOf('incidents', incident)}>incident</a>
                </>
              )}
            </div>
          ))}
        </Fact>
        <Fact name="Learned by">
          {row.learned.length === 0 && <span className="quiet">no dataset holds it</span>}
          {row.learned.map(({ dataset, split, versions }) => (
            <div key={dataset}>
              dataset <code>{dataset.slice(0, 12)}</code> ({splits[split]})
              {versions.map(({ version, champion, tainted }) => (
                <span key={version}>
                  {' → '}
                  <a href={placeOf('versions', row.model)}>{version}</a> {champion && <Badge state="champion" />}
                  {tainted && <Badge state="tainted" />}
                </span>
              ))}
            </div>
          ))}
        </Fact>
      </dl>
    </article>
  );
}

const splits = {
  train: 'trained on',
  held_out: 'held out for evals',
  duplicate: 'said by another row of it',
} as const;

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function keptWords({ kept_because: reason, inclusion_probability: probability, source }: Row): string {
  const by = source === 'production' ? '' : `, a ${source}`;
  if (reason === null) return `not kept: it leaves with the hot window${by}`;
  return `${reason.replaceAll('_', ' ')}, with probability ${Number(probability.toPrecision(2))}${by}`;
}

function Corrections({ row }: { row: Row }) {
  if (row.corrections.length === 0) return null;
  const holds = row.corrections.find((each) => each.verified);
  return (
    <>
      <h2>Corrected</h2>
      {row.corrections.map((each) => (
        <div key={each.id} className={each === holds ? 'suggestion' : 'suggestion quiet'}>
          <p className="text">
            <Redacted text={each.completion} />
          </p>
          <p className="quiet">
            {each.operator}, by {each.source.replaceAll('_', ' ')}, <Time at={each.at} />
            {each.withdrawn_at !== null && ', taken back'}
            {each.withdrawn_at === null && !each.verified && ', not verified'}
            {each.verified && each !== holds && ', replaced'}
          </p>
        </div>
      ))}
    </>
  );
}
