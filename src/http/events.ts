import { once } from 'node:events';
import { setInterval } from 'node:timers';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Database } from '../database.ts';
import { errorMessage, RelearnError } from '../errors.ts';

const lookEveryMs = 1000;
/** A line now and then, so that proxies keep the connection. */
const aliveEveryMs = 15_000;
const mostListeners = 200;

/**
 * `GET /api/events`: server-sent events. `change` says that something a page shows is different now; the page asks for
 * it again. One look a second serves all pages, and none is taken while no page is open. `onChange` comes before that:
 * answers of before the change must not be given again.
 */
export function addEventRoute(app: FastifyInstance, db: Database, onChange: () => void): void {
  const listeners = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  let last: string | undefined;
  let looking: Promise<void> | undefined;
  let spokenAt = 0;

  function send(text: string): void {
    spokenAt = Date.now();
    for (const listener of listeners) listener.write(text);
  }

  /** One at a time: who asks while one is under way shares it. */
  const look = (): Promise<void> => (looking ??= lookNow().finally(() => (looking = undefined)));

  async function lookNow(): Promise<void> {
    try {
      const now = await fingerprint(db);
      if (now !== last) onChange();
      if (last !== undefined && now !== last) send(`event: change\ndata: {}\n\n`);
      else if (Date.now() - spokenAt >= aliveEveryMs) send(': alive\n\n');
      last = now;
    } catch (error) {
      app.log.warn({ error: errorMessage(error) }, 'cannot look for what the console shows');
    }
  }

  function leave(listener: ServerResponse): void {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    [timer, last] = [undefined, undefined];
  }

  app.get('/api/events', async (_request, reply) => {
    if (listeners.size >= mostListeners) {
      throw new RelearnError('overloaded', 'Too many pages are open. Ask /api/overview now and then.');
    }
    // What the page asks for once it is connected is compared with this, and not with what is there a second later.
    if (timer === undefined) {
      await looking; // one that the last page left behind knows nothing of what came since
      last = undefined;
      await look();
    }
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    raw.write('retry: 3000\n\n');
    listeners.add(raw);
    timer ??= setInterval(() => void look(), lookEveryMs).unref();
    await once(raw, 'close');
    leave(raw);
  });
  app.addHook('preClose', (done) => {
    for (const listener of listeners) listener.end();
    done();
  });
}

/** Differs when what a page shows differs; reads the ends of indexes, not tables. */
async function fingerprint(db: Database): Promise<string> {
  const [row] = await db.query<{ print: string }>(
    `select concat_ws('/',
       (select max(seq) from relearn.corrections),
       (select max(id) from relearn.monitor_verdicts),
       (select max(id) from relearn.audit),
       (select md5(string_agg(concat(id, state, detections), ',' order by id)) from relearn.incidents
         where state not in ('resolved', 'closed')),
       (select md5(string_agg(concat(model, alias, version, token, share), ',' order by model, alias))
         from relearn.aliases),
       (select concat(count(*), count(finished_at)) from relearn.retrain_runs),
       (select concat(max(created_at), (select max(at) from relearn.deployments)) from relearn.versions),
       (select max(issued_at) from relearn.certificates),
       (select max(at) from relearn.review_actions)) as print`,
  );
  return row?.print ?? '';
}
