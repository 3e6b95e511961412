import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { sessionResponse } from '../http/console-schemas.ts';
import { keepCsrf, post } from './api.ts';
import { Mark } from './mark.tsx';
import { Failure } from './parts.tsx';
import './header.css';

/** Sign-in with a key. The key goes to the server once; the page keeps nothing of it. */
export function SignIn() {
  const client = useQueryClient();
  const [key, setKey] = useState('');
  const signIn = useMutation({
    mutationFn: () => post('/api/session', { key }, sessionResponse),
    onSuccess: (session) => {
      setKey('');
      keepCsrf(session.csrf);
      client.setQueryData(['session'], session);
    },
  });
  return (
    <main className="sign-in">
      <h1 className="brand">
        <Mark /> relearn
      </h1>
      <p className="quiet">The feedback loop of your models: watch it turn, correct what was wrong.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <label htmlFor="key">Your key</label>
        <input
          id="key"
          type="password"
          autoComplete="current-password"
          autoFocus
          required
          placeholder="rl_…"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="primary" disabled={signIn.isPending}>
          Sign in
        </button>
        {signIn.isError && <Failure error={signIn.error} />}
        <p className="quiet">
          No key yet? Whoever runs this server makes one: <code>relearn keys create --name you --scope review</code>
        </p>
      </form>
    </main>
  );
}
