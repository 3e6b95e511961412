import { InvalidArgumentError, type Command } from 'commander';
import { listKnownLabels } from '../../src/correct/known-labels.ts';
import { openLabelStudio } from '../../src/correct/label-studio/client.ts';
import { pullAnnotations } from '../../src/correct/label-studio/pull.ts';
import { pushQueue } from '../../src/correct/label-studio/push.ts';
import { RelearnError } from '../../src/errors.ts';
import { modelSettings } from '../deploy.ts';
import type { Runtime } from '../runtime.ts';
import { withTelling } from './review-files.ts';
import { report, runWith } from './run-with.ts';

interface Options {
  model: string;
  limit: number;
  json?: boolean;
}

/** `review label-studio push|pull`: label the queue in Label Studio. */
export function addLabelStudioCommands(review: Command): void {
  const studio = review.command('label-studio').description('label the queue in Label Studio, and take it back');

  studio
    .command('push')
    .description('bring the first rows of the queue to Label Studio; rows that are there already are not sent again')
    .requiredOption('--model <name>', 'of this model')
    .option('--limit <number>', 'at most so many new rows', readLimit, 500)
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      runWith<Options>(command, async (runtime, { model, limit, json }) => {
        const { studio: api, settings } = open(runtime, model);
        const { serve } = modelSettings(runtime, model);
        const labels = serve.kind === 'onnx' ? await listKnownLabels(runtime.db, model) : null;
        const { url, project, holdDays } = settings;
        const pushed = await pushQueue(runtime.db, api, { model, url, project, holdDays, labels, limit });
        report(json, pushed, () => `${pushed.pushed} rows are new in project ${pushed.project} of ${url}`);
      }),
    );

  studio
    .command('pull')
    .description('take annotations back as corrections; what was taken before changes nothing')
    .requiredOption('--model <name>', 'of this model')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      runWith<Options>(command, async (runtime, { model, json }) => {
        const { studio: api, settings } = open(runtime, model);
        const { url, project } = settings;
        const pulled = await withTelling(runtime, (tell) =>
          pullAnnotations(runtime.db, api, { model, url, project }, tell),
        );
        report(json, pulled, () => `${pulled.stored} new corrections from project ${pulled.project} of ${url}`);
      }),
    );
}

function open(runtime: Runtime, model: string) {
  const settings = modelSettings(runtime, model).labelStudio;
  if (settings === undefined) {
    throw new RelearnError('invalid_config', `models.${model}.labelStudio is not set: wanted its url and tokenEnv.`);
  }
  const token = runtime.environment.secret(settings.tokenEnv);
  if (token === undefined) {
    throw new RelearnError(
      'invalid_config',
      `${settings.tokenEnv} is not set: wanted an access token of Label Studio.`,
    );
  }
  return { settings, studio: openLabelStudio({ url: settings.url, token }) };
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new InvalidArgumentError('wanted a whole number above 0');
}
