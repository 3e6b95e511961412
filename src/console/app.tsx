import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, type ReactNode } from 'react';
import { overviewResponse } from '../http/console-schemas.ts';
import { get, signOut } from './api.ts';
import { Incident } from './incident.tsx';
import { Incidents } from './incidents.tsx';
import { useLive } from './live.ts';
import { Failure } from './parts.tsx';
import { Review } from './review.tsx';
import { placeOf, usePlace } from './route.ts';
import { PersonProvider, personOf, useSession, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { Versions } from './versions.tsx';

const Overview = lazy(() => import('./overview.tsx'));
const pages = [
  ['overview', 'Overview'],
  ['review', 'Review'],
  ['incidents', 'Incidents'],
  ['versions', 'Versions'],
] as const;

/** The console: who is not signed in sees the sign-in, everyone else the page that the address names. */
export function App() {
  const session = useSession();
  if (session.isError) return <Failure error={session.error} />;
  if (session.data === undefined) return null;
  const person = personOf(session.data);
  if (person === null) return <SignIn />;
  return (
    <PersonProvider value={person}>
      <Shell session={session.data} />
    </PersonProvider>
  );
}

function Shell({ session }: { session: Session }) {
  const [page = 'overview', ...rest] = usePlace();
  const live = useLive();
  return (
    <>
      <a className="skip" href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <header className="top">
        <strong className="brand">relearn</strong>
        <nav aria-label="Pages">
          {pages.map(([place, name]) => (
            <a key={place} href={placeOf(place)} aria-current={place === page ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span className="quiet status">{live ? 'live' : 'polling'}</span>
        <Who session={session} />
      </header>
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p className="quiet">Loading…</p>}>{pageAt(page, rest)}</Suspense>
      </main>
    </>
  );
}

function pageAt(page: string, [first]: string[]): ReactNode {
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'review':
      return <ForModel of="review" model={first} show={(model) => <Review key={model} model={model} />} />;
    case 'incidents':
      return first === undefined ? <Incidents /> : <Incident id={first} />;
    case 'versions':
      return <ForModel of="versions" model={first} show={(model) => <Versions model={model} />} />;
    default:
      return <p>There is no page of this name.</p>;
  }
}

interface ForModelProps {
  of: string;
  model: string | undefined;
  show: (model: string) => ReactNode;
}

/** A page of one model, with a choice where there are several. */
function ForModel({ of, model, show }: ForModelProps) {
  const overview = useQuery({ queryKey: ['live', 'overview'], queryFn: () => get('/api/overview', overviewResponse) });
  if (overview.isError) return <Failure error={overview.error} />;
  const names = overview.data?.models.map((each) => each.model) ?? [];
  const chosen = model ?? names[0];
  if (chosen === undefined) return <p className="quiet">Loading…</p>;
  return (
    <>
      {names.length > 1 && (
        <nav className="tabs" aria-label="Models">
          {names.map((name) => (
            <a key={name} href={placeOf(of, name)} aria-current={name === chosen ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
      )}
      {show(chosen)}
    </>
  );
}

function Who({ session }: { session: Session }) {
  const client = useQueryClient();
  if (!session.keys) return null;
  const leave = () => void signOut().then(() => client.resetQueries());
  return (
    <span className="who">
      {session.name} ({session.role})
      <button type="button" onClick={leave}>
        Sign out
      </button>
    </span>
  );
}

function skipToMain(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
