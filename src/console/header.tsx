import { useQueryClient } from '@tanstack/react-query';
import { signOut } from './api.ts';
import { KeysHelp } from './keys-help.tsx';
import { Mark } from './mark.tsx';
import { OwnName } from './name.tsx';
import { placeOf } from './route.ts';
import type { Session } from './session.ts';
import './header.css';

interface HeaderProps {
  session: Session;
  pages: readonly (readonly [string, string])[];
  page: string;
  live: boolean;
}

/** The bar on top: where one is, whether the page is live, and who one is. */
export function Header({ session, pages, page, live }: HeaderProps) {
  return (
    <header className="top">
      <a className="brand" href={placeOf('overview')}>
        <Mark /> relearn
      </a>
      <nav aria-label="Pages">
        {pages.map(([place, name]) => (
          <a key={place} href={placeOf(place)} aria-current={place === page ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <span className="status">
        <span
          className={live ? 'live' : 'live off'}
          title={live ? 'What changes shows at once.' : 'The server cannot tell of changes: the page asks every 5 s.'}
        >
          {live ? 'live' : 'polling'}
        </span>
        <KeysHelp />
        {session.keys ? <SignedIn session={session} /> : <OwnName />}
      </span>
    </header>
  );
}

function SignedIn({ session }: { session: Session }) {
  const client = useQueryClient();
  const leave = async () => {
    // The pages go first: what they show would be asked for again, and refused.
    client.setQueryData<Session>(['session'], { keys: true, name: null, role: null, csrf: null });
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
    await signOut().catch(() => client.invalidateQueries({ queryKey: ['session'] })); // who could not leave is still in
  };
  return (
    <>
      <span className="who">
        {session.name} <small className="quiet">{session.role}</small>
      </span>
      <button type="button" onClick={() => void leave()}>
        Sign out
      </button>
    </>
  );
}
