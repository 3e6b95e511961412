import { createHash } from 'node:crypto';
import type { Database } from '../database.ts';
import { errorMessage } from '../errors.ts';
import { listServing, type Champion } from '../promote/registry.ts';
import { loadRegistered, type LoadOptions } from './load.ts';
import type { Loaded, Serving } from './serving.ts';

export interface Champions {
  /**
   * The champion of a model, or undefined while none is loaded. With `asker`, a user or else a request id, it may be the
   * challenger that is being rolled out: the same one for the same asker.
   */
  get(model: string, asker?: string): Serving | undefined;
  /** Configured models without a loaded champion. */
  missing(): string[];
  /** True when every configured model has a loaded champion. */
  ready(): boolean;
  /** Looks now. Never throws: what fails is logged and tried again at a later look. */
  refresh(): Promise<void>;
  /** Stops looking and frees the models when their answers have ended. */
  close(): Promise<void>;
}

export interface ChampionLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** What is loaded under one alias of a model. */
interface Slot {
  loaded: Loaded | undefined;
  /** Part of the traffic it answers. */
  share: number;
  token: number;
  /** Of the token that last failed to load. */
  failedToken: number;
  failures: number;
  retryAt: number;
}

const longestRetryMs = 30_000;

/**
 * Follows the champions of the configured models: looks at the registry every `pollMs`, loads a new champion beside
 * the old one, switches in one step and frees the old one after its last answer. While the database is down, or a
 * champion does not load, what is loaded keeps serving. `retryMs` doubles with each failed load.
 */
export function followChampions(
  options: LoadOptions & { db: Database; logger: ChampionLogger; pollMs?: number; retryMs?: number },
): Champions {
  const { db, logger, pollMs = 250, retryMs = 1000 } = options;
  const models = Object.keys(options.models);
  const slots = new Map(models.map((model) => [model, emptySlot()]));
  const challengers = new Map(models.map((model) => [model, emptySlot()]));
  const retiring = new Set<Promise<void>>();
  let closed = false;
  let databaseDown = false;
  let looking = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    if (closed) return;
    try {
      const [serving, incidents] = await Promise.all([listServing(db, models), listCollecting(db, models)]);
      if (databaseDown) logger.info({}, 'the database answers again');
      databaseDown = false;
      for (const [model, slot] of [...slots, ...challengers]) slot.loaded?.setIncident(incidents.get(model) ?? null);
      await Promise.all(
        serving.map(async (version) => {
          const slot = (version.alias === 'champion' ? slots : challengers).get(version.model);
          if (slot === undefined) return;
          slot.share = version.share;
          await follow(slot, version, incidents.get(version.model) ?? null);
        }),
      );
      // After the follow: a challenger that was promoted answers until it is loaded as champion.
      const rolledOut = new Set(serving.filter(({ alias }) => alias === 'challenger').map(({ model }) => model));
      for (const [model, slot] of challengers) if (!rolledOut.has(model)) withdraw(slot);
    } catch (error) {
      if (!databaseDown)
        logger.warn({ error: errorMessage(error) }, 'cannot look for champions, serving what is loaded');
      databaseDown = true;
    }
  }

  async function follow(slot: Slot, champion: Champion, incident: string | null): Promise<void> {
    const { model, version, token } = champion;
    if (slot.token === token) return;
    if (slot.loaded?.serving.version === version) {
      slot.token = token;
      return;
    }
    if (slot.failedToken === token && Date.now() < slot.retryAt) return;
    try {
      const loaded = await loadRegistered(options, champion, champion.since);
      loaded.setIncident(incident);
      const old = slot.loaded;
      Object.assign(slot, { loaded, token, failures: 0 });
      logger.info({ model, version, previous: old?.serving.version ?? null }, 'version loaded');
      if (old !== undefined) retire(old);
    } catch (error) {
      slot.failures = slot.failedToken === token ? slot.failures + 1 : 1;
      slot.failedToken = token;
      slot.retryAt = Date.now() + Math.min(longestRetryMs, retryMs * 2 ** (slot.failures - 1));
      const serving = slot.loaded?.serving.version ?? null;
      logger.warn({ model, version, serving, error: errorMessage(error) }, 'version does not load, will try again');
    }
  }

  function withdraw(slot: Slot): void {
    if (slot.loaded !== undefined) retire(slot.loaded);
    Object.assign(slot, emptySlot());
  }

  function choose(model: string, asker: string | undefined): Serving | undefined {
    const champion = slots.get(model)?.loaded?.serving;
    const challenger = challengers.get(model);
    if (asker === undefined || challenger?.loaded === undefined || champion === undefined) return champion;
    const { serving } = challenger.loaded;
    return fractionOf(`${serving.version} ${asker}`) < challenger.share ? serving : champion;
  }

  function retire(old: Loaded): void {
    const { model, version } = old.serving;
    const done = old
      .retire()
      .catch((error: unknown) => logger.warn({ model, version, error: errorMessage(error) }, 'cannot free a version'))
      .finally(() => retiring.delete(done));
    retiring.add(done);
  }

  // Looks wait for one another, so that one asked for after a promotion sees it.
  function refresh(): Promise<void> {
    looking = looking.then(look);
    return looking;
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void refresh().then(() => {
        if (!closed) schedule();
      });
    }, pollMs);
    timer.unref();
  }
  schedule();

  const missing = () => models.filter((model) => slots.get(model)?.loaded === undefined);
  return {
    get: choose,
    missing,
    ready: () => missing().length === 0,
    refresh,
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
      for (const slot of [...slots.values(), ...challengers.values()]) withdraw(slot);
      await Promise.all(retiring);
    },
  };
}

function emptySlot(): Slot {
  return { loaded: undefined, share: 1, token: 0, failedToken: 0, failures: 0, retryAt: 0 };
}

/** In [0, 1), the same for the same text. Other versions are tried on other users. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}

/** The open incident of each model whose rows are still kept as `post_drift`. */
async function listCollecting(db: Database, models: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; model: string }>(
    `select id, model from relearn.incidents
     where model = any($1) and state not in ('resolved', 'closed') and collecting_until is null`,
    [models],
  );
  return new Map(rows.map(({ model, id }) => [model, id]));
}
