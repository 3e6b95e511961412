import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { deployVersion, trainVersion } from '../../infra/deploy.ts';
import { sendHealthyTraffic, sendUntilDetected, type Scene } from '../../infra/demo/loop.ts';
import { findMailCorpus, prepareMailStory } from '../../infra/demo/mail.ts';
import { openReviewApi } from '../../infra/demo/review-api.ts';
import { writeDemoConfig } from '../../infra/demo/state.ts';
import { openProduction } from '../../infra/demo/traffic.ts';
import { connectTemporal, openRuntime } from '../../infra/runtime.ts';
import { startStack } from '../../infra/up.ts';
import { createKey } from '../../src/http/keys.ts';
import { until } from '../until.ts';
import { createTestDatabase } from '../stack.ts';

/** More than the walk corrects: its retrain is asked for by hand. */
const minCorrected = 30;
/** Fewer than the demo's: they belong to the incident's window, and most of them need no correction. */
const healthyMails = 500;

const written = z.looseObject({ models: z.object({ mail: z.looseObject({ retrain: z.looseObject({}) }) }) });

/** The demo's configuration, with keys for the console and a person before a promotion. */
async function configure(path: string): Promise<void> {
  const config = written.parse(parse(await readFile(path, 'utf8')));
  const { mail } = config.models;
  Object.assign(mail.retrain, { clusterEverySeconds: 5 });
  Object.assign(mail, { rollout: { approval: true }, clusters: { minRows: 8, reviewAt: 20 } });
  await writeFile(path, stringify({ ...config, console: { auth: 'on' } }));
}

/** All that `relearn up` runs, on the demo's mail, with a first version that serves. `key` is an operator's. */
export async function startWalk() {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-walk-'));
  const database = await createTestDatabase();
  process.env['DATABASE_URL'] = database.url;
  const { key } = await createKey(database.db, { name: 'ann', scopes: ['operate'], expiresAt: null, actor: 'test' });
  const mail = await prepareMailStory(findMailCorpus(), join(directory, 'data'));
  const story = { ...mail, minCorrected, healthy: mail.healthy.slice(0, healthyMails) };
  const config = await writeDemoConfig(directory, story);
  await configure(config);
  const stack = await startStack({ config, ports: 'free' });
  const runtime = await openRuntime({ config });
  const { client, connection } = await connectTemporal(runtime.environment);
  const { signal } = new AbortController();
  const production = openProduction(stack.urls.gateway, story.model, signal);
  const scene: Scene = {
    ...{ story, runtime, production, signal, temporal: client },
    api: openReviewApi(stack.urls.console, key),
    progress: { say: () => {}, step: (_name, work) => work(), seconds: () => ({}) },
  };

  return {
    ...{ key, db: database.db, urls: stack.urls, namespace: stack.namespace },
    /** What a person would answer, and what the model did. */
    answered: production.answered,
    /** A first version, healthy mail, and drifted mail until an incident is open and all its mail is in the log. */
    async drift(): Promise<string> {
      const { version } = await trainVersion(runtime, story.model);
      await deployVersion(runtime, story.model, version, { actor: 'ann', reason: 'the first' });
      await sendHealthyTraffic(scene, version);
      const { incident, sent } = await sendUntilDetected(scene);
      await production.send(story.drifted.slice(sent), { perSecond: 400, user: (index) => `mailbox-${sent + index}` });
      return incident.id;
    },
    /** The version that answers a mail through the gateway now. */
    async versionThatAnswers(): Promise<string> {
      const known = new Set(production.answered.keys());
      await production.send(story.healthy.slice(0, 1), { perSecond: 1, user: () => 'ann' });
      const [id] = [...production.answered.keys()].filter((each) => !known.has(each));
      return until('its row is logged', async () => {
        const [row] = await database.db.query<{ model_version: string }>(
          `select model_version from relearn.samples where request_id = $1
           union select model_version from relearn.recent where request_id = $1`,
          [id],
        );
        return row?.model_version;
      });
    },
    async close() {
      await Promise.all([production.close(), connection.close(), runtime.close()]);
      await stack.stop();
      await database.close();
      await rm(directory, { recursive: true });
    },
  };
}

export type Walk = Awaited<ReturnType<typeof startWalk>>;
