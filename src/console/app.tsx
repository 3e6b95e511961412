import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, type ReactNode } from 'react';
import { overviewResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Header } from './header.tsx';
import { Incident } from './incident.tsx';
import { Incidents } from './incidents.tsx';
import { useLive } from './live.ts';
import { Failure } from './parts.tsx';
import { Review } from './review.tsx';
import { placeOf, usePlace } from './route.ts';
import { PersonProvider, personOf, useOwnName, useSession, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { VersionPage } from './version.tsx';
import { Versions } from './versions.tsx';

const Overview = lazy(() => import('./overview.tsx'));
const Log = lazy(() => import('./log.tsx'));
const Clusters = lazy(() => import('./clusters.tsx'));
const pages = [
  ['overview', 'Overview'],
  ['review', 'Review'],
  ['incidents', 'Incidents'],
  ['versions', 'Versions'],
  ['log', 'Log'],
  ['clusters', 'Clusters'],
] as const;

/** The console: who is not signed in sees the sign-in, everyone else the page that the address names. */
export function App() {
  const session = useSession();
  const ownName = useOwnName();
  if (session.isError) return <Failure error={session.error} />;
  if (session.data === undefined) return null;
  const person = personOf(session.data, ownName);
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
      <Header {...{ session, pages, page, live }} />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p className="quiet">Loading…</p>}>{pageAt(page, rest)}</Suspense>
      </main>
    </>
  );
}

function pageAt(page: string, [first, second]: string[]): ReactNode {
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'review':
      return <ForModel of="review" model={first} show={(model) => <Review key={model} model={model} />} />;
    case 'incidents':
      return first === undefined ? <Incidents /> : <Incident id={first} />;
    case 'versions':
      if (first !== undefined && second !== undefined) {
        return <VersionPage key={`${first}/${second}`} model={first} version={second} />;
      }
      return <ForModel of="versions" model={first} show={(model) => <Versions key={model} model={model} />} />;
    case 'log':
      return <ForModel of="log" model={first} show={(model) => <Log model={model} />} />;
    case 'clusters':
      return <ForModel of="clusters" model={first} show={(model) => <Clusters model={model} />} />;
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

function skipToMain(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
