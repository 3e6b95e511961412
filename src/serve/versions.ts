import type { Database } from '../database.ts';
import { getVersion } from '../promote/registry.ts';
import { loadRegistered, type LoadOptions } from './load.ts';
import type { Loaded, Serving } from './serving.ts';

export interface Versions {
  /**
   * Runs `work` with a version that need not be champion, as evals of a candidate do. Throws `version_not_found` or
   * `invalid_artifact`.
   */
  use<Result>(model: string, version: string, work: (serving: Serving) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

interface Entry {
  loading: Promise<Loaded>;
  users: number;
}

/** Loads versions by name and keeps the last `keep` of them loaded; one in use is never freed. */
export function openVersions(options: LoadOptions & { db: Database; keep?: number }): Versions {
  const { db, keep = 2 } = options;
  const entries = new Map<string, Entry>(); // the least recently used first

  async function free(key: string, entry: Entry): Promise<void> {
    entries.delete(key);
    await entry.loading.then(
      (loaded) => loaded.retire(),
      () => undefined, // a version that did not load holds nothing
    );
  }

  async function freeSurplus(): Promise<void> {
    const idle = [...entries].filter(([, entry]) => entry.users === 0);
    await Promise.all(idle.slice(0, Math.max(0, entries.size - keep)).map(([key, entry]) => free(key, entry)));
  }

  return {
    async use(model, version, work) {
      const key = JSON.stringify([model, version]);
      const entry = entries.get(key) ?? { loading: loadNamed(options, db, model, version), users: 0 };
      entries.delete(key);
      entries.set(key, entry);
      entry.users += 1;
      try {
        const loaded = await entry.loading.catch((error: unknown) => {
          if (entries.get(key) === entry) entries.delete(key); // the next call tries again
          throw error;
        });
        return await work(loaded.serving);
      } finally {
        entry.users -= 1;
        await freeSurplus();
      }
    },
    async close() {
      await Promise.all([...entries].map(([key, entry]) => free(key, entry)));
    },
  };
}

async function loadNamed(options: LoadOptions, db: Database, model: string, version: string): Promise<Loaded> {
  return loadRegistered(options, await getVersion(db, model, version), new Date());
}
