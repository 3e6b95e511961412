import { createHash } from 'node:crypto';
import type { Database } from '../database.ts';
import { errorMessage } from '../errors.ts';
import { listFallbacks } from '../promote/promotion.ts';
import { listServing, type Champion, type Serves, type Version } from '../promote/registry.ts';
import { loadRegistered, type LoadOptions } from './load.ts';
import { emptyPlaces, emptySlot, slotsOf, takeLoaded, versionIn, type Places, type Slot } from './places.ts';
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

/** What the registry wants loaded of one model. */
interface Wanted {
  champion: Champion | undefined;
  challenger: Serves | undefined;
  fallback: Champion | undefined;
}

const longestRetryMs = 30_000;
const longestAnswerMs = 10_000;

/**
 * Follows the champions of the configured models: looks at the registry every `pollMs`, loads a new champion beside
 * the old one, switches in one step and frees the old one after its last answer. Looks wait for no load, so that a slow
 * one holds up no other switch. While the database is down, or a champion does not load, what is loaded keeps serving.
 * `retryMs` doubles with each failed load. A connection on which Postgres says nothing for `answerMs` is cut: one that has
 * gone silent must not keep a gateway from a rollback. After a look that failed the next may take longer, up to ten seconds. With `keepsFallback`, the version that a rollback would return to stays loaded,
 * unless a challenger is: one version beside the champion.
 */
export function followChampions(
  options: LoadOptions & {
    db: Database;
    logger: ChampionLogger;
    /** Throws when the version holds no good gate certificate: it is not loaded then. */
    requireCertificate: (version: Version) => Promise<unknown>;
    keepsFallback?: boolean;
    answerMs?: number | undefined;
    pollMs?: number;
    retryMs?: number;
  },
): Champions {
  const { db, logger, keepsFallback = false, answerMs = 1000, pollMs = 250, retryMs = 1000 } = options;
  const models = Object.keys(options.models);
  const places = new Map(models.map((model): [string, Places] => [model, emptyPlaces()]));
  const loads = new Set<Promise<void>>();
  const retiring = new Set<Promise<void>>();
  let incidents = new Map<string, string>();
  let closed = false;
  let databaseDown = false;
  let patienceMs = answerMs;
  let looking = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const missing = () => models.filter((model) => places.get(model)?.champion.loaded === undefined);

  async function readRegistry() {
    return db.within(patienceMs).transaction(async (tx) => {
      // All of one moment: else a fallback would be freed in the moment of its rollback.
      await tx.query('set transaction isolation level repeatable read, read only');
      return {
        serving: await listServing(tx, models),
        // An endpoint has nothing that would have to be loaded.
        fallbacks: keepsFallback ? (await listFallbacks(tx, models)).filter(({ kind }) => kind === 'onnx') : [],
        collecting: await listCollecting(tx, models),
      };
    });
  }

  async function look(): Promise<void> {
    if (closed) return;
    try {
      const { serving, fallbacks, collecting } = await readRegistry();
      if (databaseDown) logger.info({}, 'the database answers again');
      databaseDown = false;
      patienceMs = answerMs;
      incidents = collecting;
      for (const [model, place] of places) {
        const aliased = serving.filter((version) => version.model === model);
        const champion = aliased.find(({ alias }) => alias === 'champion');
        const challenger = aliased.find(({ alias }) => alias === 'challenger');
        const fallback = fallbacks.find((version) => version.model === model);
        arrange(place, { champion, challenger, fallback: challenger === undefined ? fallback : undefined });
      }
    } catch (error) {
      if (!databaseDown)
        logger.warn({ error: errorMessage(error) }, 'cannot look for champions, serving what is loaded');
      databaseDown = true;
      patienceMs = Math.max(answerMs, Math.min(longestAnswerMs, 2 * patienceMs));
    }
  }

  function arrange(place: Places, { champion, challenger, fallback }: Wanted): void {
    place.keeps = fallback?.version;
    if (champion !== undefined) follow(place.champion, champion, place);
    if (challenger !== undefined) {
      place.share = challenger.share;
      follow(place.challenger, challenger);
    }
    const settled = versionIn(place.champion) === champion?.version;
    // One that was promoted answers until it is the champion here.
    const promoted = !settled && versionIn(place.challenger) === champion?.version;
    if (challenger === undefined && !promoted) withdraw(place.challenger);
    // Until then the champion may be made of the fallback, or the fallback of the champion.
    if (settled && fallback !== undefined) follow(place.fallback, fallback);
    else if (settled) withdraw(place.fallback);
    for (const { loaded } of slotsOf(place)) loaded?.setIncident(incidentOf(loaded.serving.model));
  }

  const incidentOf = (model: string) => incidents.get(model) ?? null;

  /** Makes the slot hold the version, now or when it has loaded. `place`: where it may be loaded already. */
  function follow(slot: Slot, wanted: Champion, place?: Places): void {
    const { version, token, since } = wanted;
    if (slot.loaded !== undefined && versionIn(slot) === version) {
      slot.loaded.setSince(since);
      slot.loading = undefined;
      return;
    }
    if (slot.loading?.version === version) return;
    if (slot.failedToken === token && Date.now() < slot.retryAt) return;
    const done = fill(slot, wanted, place).finally(() => loads.delete(done));
    loads.add(done);
  }

  async function fill(slot: Slot, wanted: Champion, place?: Places): Promise<void> {
    const { model, version, token, since } = wanted;
    const loading = { version };
    slot.loading = loading;
    try {
      await options.requireCertificate(wanted);
      if (slot.loading !== loading) return;
      const loaded = takeLoaded(place, version) ?? (await loadRegistered(options, wanted, since));
      if (slot.loading !== loading) return retire(loaded);
      loaded.setIncident(incidentOf(model));
      loaded.setSince(since);
      const old = slot.loaded;
      Object.assign(slot, { loaded, loading: undefined, failures: 0 });
      logger.info({ model, version, previous: old?.serving.version ?? null }, 'version loaded');
      if (old === undefined) return;
      if (place !== undefined && place.keeps === old.serving.version) keep(old, place);
      else retire(old);
    } catch (error) {
      if (slot.loading !== loading) return;
      slot.loading = undefined;
      slot.failures = slot.failedToken === token ? slot.failures + 1 : 1;
      slot.failedToken = token;
      slot.retryAt = Date.now() + Math.min(longestRetryMs, retryMs * 2 ** (slot.failures - 1));
      const serving = slot.loaded?.serving.version ?? null;
      logger.warn({ model, version, serving, error: errorMessage(error) }, 'version does not load, will try again');
    }
  }

  function keep(loaded: Loaded, place: Places): void {
    withdraw(place.fallback);
    place.fallback.loaded = loaded;
  }

  function withdraw(slot: Slot): void {
    if (slot.loaded !== undefined) retire(slot.loaded);
    Object.assign(slot, emptySlot());
  }

  function choose(model: string, asker: string | undefined): Serving | undefined {
    const place = places.get(model);
    const champion = place?.champion.loaded?.serving;
    const challenger = place?.challenger.loaded?.serving;
    if (asker === undefined || challenger === undefined || champion === undefined) return champion;
    return fractionOf(`${challenger.version} ${asker}`) < (place?.share ?? 0) ? challenger : champion;
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
  function lookNext(): Promise<void> {
    looking = looking.then(look);
    return looking;
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void lookNext().then(() => {
        if (!closed) schedule();
      });
    }, pollMs);
    timer.unref();
  }
  schedule();

  return {
    get: choose,
    missing,
    ready: () => missing().length === 0,
    async refresh() {
      await lookNext();
      await Promise.all(loads);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
      await Promise.all(loads);
      for (const slot of [...places.values()].flatMap(slotsOf)) withdraw(slot);
      await Promise.all(retiring);
    },
  };
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
