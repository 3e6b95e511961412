import { join, resolve } from 'node:path';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { listChampions } from '../../src/promote/registry.ts';
import { endingSignal, untilAborted } from '../cli/signals.ts';
import { deployVersion, trainVersion } from '../deploy.ts';
import { connectTemporal, openRuntime } from '../runtime.ts';
import { startStack, type Stack } from '../up.ts';
import { readFolderStory } from './folder.ts';
import { countLogged } from './log-counts.ts';
import { awaitPromotion, correctUntilRetrain, sendHealthyTraffic, sendUntilDetected, type Scene } from './loop.ts';
import { measureGroups } from './measure.ts';
import { openProgress, type Progress } from './progress.ts';
import { formatReport, toJson, type DemoFigures } from './report.ts';
import { openReviewApi } from './review-api.ts';
import { clearDemoState, writeDemoConfig } from './state.ts';
import type { DemoStory } from './story.ts';
import { openProduction } from './traffic.ts';

export interface DemoOptions {
  /** A folder to tell the story on; the mail corpus when left out. */
  data?: string | undefined;
  /** End when the story is told; else everything stays up until Ctrl-C. */
  exit: boolean;
  /** One JSON object as the last line of stdout; progress goes to stderr. */
  json: boolean;
  /** Folder of the demo's state, emptied at the start. */
  stateDir?: string | undefined;
}

/**
 * Runs the whole loop on real input: trains and deploys a base model, sends healthy and then drifted traffic through
 * the gateway, reviews what drifted, and waits for the retrained version to be promoted. Throws `invalid_arguments`,
 * `invalid_rows`, `stack_failed` and whatever the stack's start throws; a story that ends otherwise than in a promotion
 * is `stack_failed`, with its reason.
 */
export async function runDemo({ data, exit, json, stateDir = '.relearn/demo' }: DemoOptions): Promise<void> {
  const out = json ? process.stderr : process.stdout;
  const progress = openProgress((line) => out.write(line));
  const signal = endingSignal();
  let stack: Stack | undefined;
  try {
    const directory = resolve(stateDir);
    const story = await progress.step('prepare', () => prepareStory(directory, data, progress));
    stack = await progress.step('start', () => startDemoStack(directory, story, progress));
    const figures = await tellStory(stack, story, progress, signal, join(directory, 'relearn.yaml'));
    out.write(`\n${formatReport(figures)}`);
    if (json) process.stdout.write(`${JSON.stringify(toJson(figures))}\n`);
    if (!exit) await stayUp(stack, out, signal);
  } catch (thrown) {
    const error = signal.aborted ? new RelearnError('stack_failed', 'The demo was interrupted.') : thrown;
    if (json) process.stdout.write(`${JSON.stringify({ promoted: false, reason: errorMessage(error) })}\n`);
    throw error;
  } finally {
    await stack?.stop();
  }
}

async function prepareStory(directory: string, data: string | undefined, progress: Progress): Promise<DemoStory> {
  if (data !== undefined) {
    const story = await readFolderStory(resolve(data));
    await clearDemoState(directory);
    return story;
  }
  const { findMailCorpus, prepareMailStory } = await import('./mail.ts').catch((error: unknown) => {
    throw new RelearnError(
      'invalid_arguments',
      "What reads the demo's mail is not installed: it comes with a checkout of the project. Run `npm install` there, " +
        'or name a folder of your own with --data.',
      { cause: error },
    );
  });
  const corpus = findMailCorpus();
  await clearDemoState(directory);
  progress.say('Reading 5,900 real mails, ham and spam.');
  return prepareMailStory(corpus, join(directory, 'data'));
}

/** On the usual ports, or on free ones when those are taken. */
async function startDemoStack(directory: string, story: DemoStory, progress: Progress): Promise<Stack> {
  const config = await writeDemoConfig(directory, story);
  const onEvent = ({ level, source, message }: { level: string; source: string; message: string }) => {
    if (level === 'warn' || source === 'relearn') progress.say(`${source}: ${message}`);
  };
  progress.say('Starting Postgres, Temporal, worker, gateway and review API.');
  try {
    return await startStack({ config, onEvent });
  } catch (error) {
    if (!(error instanceof RelearnError) || error.code !== 'port_taken') throw error;
    return startStack({ config, ports: 'free', onEvent });
  }
}

async function tellStory(
  stack: Stack,
  story: DemoStory,
  progress: Progress,
  signal: AbortSignal,
  config: string,
): Promise<DemoFigures> {
  const { model } = story;
  const { gateway, console: review, temporalUi } = stack.urls;
  if (temporalUi !== undefined) progress.say(`Watch it in the Temporal UI: ${temporalUi}`);
  const runtime = await openRuntime({ config });
  const production = openProduction(gateway, model, signal);
  const { client, connection } = await connectTemporal(runtime.environment);
  const api = openReviewApi(review);
  const scene: Scene = { story, runtime, temporal: client, production, progress, signal, api };
  try {
    const before = await progress.step('train', () => deployBase(scene));
    const accuracyBefore = await progress.step('measure', () => measureGroups(runtime, story, before));

    progress.say(`Production asks: ${story.healthy.length} healthy requests through ${gateway}.`);
    await progress.step('healthy', () => sendHealthyTraffic(scene, before));
    progress.say('Drift watch has looked at all of it: no alarm. Now production drifts.');
    const seen = await progress.step('drift', () => sendUntilDetected(scene));
    const { monitor } = seen.incident;
    progress.say(`deployment_drift_detected by ${monitor} after ${seen.requests} drifted requests.`);

    progress.say('A reviewer works through the queue and sends corrections as signals.');
    await progress.step('correct', () => correctUntilRetrain(scene, seen));
    progress.say('Enough: the retrain runs (dataset, training, evals, gates, promotion).');
    const champion = await progress.step('retrain', () => awaitPromotion(scene, before));
    progress.say(`${champion.version} has passed its gates and serves.`);

    const accuracyAfter = await progress.step('measure', () => measureGroups(runtime, story, champion.version));
    const incident = (await api.incident(model)) ?? seen.incident;
    return {
      promoted: true,
      versions: { before, after: champion.version },
      corrections: incident.counted,
      detection: { monitor, requests: seen.requests },
      groups: story.groups.map(({ name, rows }, index) => ({
        ...{ name, rows: rows.length, before: accuracyBefore[index] ?? 0, after: accuracyAfter[index] ?? 0 },
      })),
      seconds: progress.seconds(),
      logged: await countLogged(runtime.db, model),
      tagged: await api.tagged(incident.id),
      ...{ answered: incident.corrected, gates: champion.gates },
    };
  } finally {
    await Promise.all([production.close(), connection.close(), runtime.close()]);
  }
}

async function deployBase({ runtime, story: { model }, progress }: Scene): Promise<string> {
  if ((await listChampions(runtime.db, [model])).length > 0) {
    throw new RelearnError(
      'invalid_arguments',
      `The database that DATABASE_URL names has a champion of ${model} already. The demo begins from an empty database.`,
    );
  }
  const { version, rows, labels, seconds } = await trainVersion(runtime, model);
  await deployVersion(runtime, model, version, { actor: 'demo', reason: 'base model of the demo' });
  progress.say(`${version} trained on ${rows} rows of ${labels} labels in ${seconds.toFixed(1)} s, and deployed.`);
  return version;
}

async function stayUp({ urls }: Stack, out: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  const shown = { Gateway: urls.gateway, Console: urls.console, 'Temporal UI': urls.temporalUi ?? urls.temporal };
  const lines = Object.entries(shown).map(([name, url]) => `${name.padEnd(12)} ${url}\n`);
  out.write(`\nEverything is still up. Ctrl-C stops it.\n${lines.join('')}`);
  await untilAborted(signal);
}
