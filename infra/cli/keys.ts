import Table from 'cli-table3';
import { InvalidArgumentError, type Command } from 'commander';
import { createKey, listKeys, revokeKey, scopes, type KeyView, type Scope } from '../../src/http/keys.ts';
import { openDatabaseRuntime } from '../embedded-database.ts';
import type { Runtime } from '../runtime.ts';
import { report } from './run-with.ts';
import { actor } from './versions.ts';

interface CreateOptions {
  name: string;
  scope: Scope[];
  expires?: number;
  json?: boolean;
}

const dayMs = 24 * 3600 * 1000;

/** `keys create|list|revoke`: who may ask the gateway and the review API. */
export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('make, list and revoke keys of the gateway and the review API');

  keys
    .command('create')
    .description('make a key and show it: it is shown this once')
    .requiredOption('--name <name>', 'whose it is', readName)
    .requiredOption('--scope <scopes>', `what it allows, with commas: ${scopes.join(', ')} (admin is all)`, readScopes)
    .option('--expires <days>', 'days it is good for (default: until it is revoked)', readDays)
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      withDatabase<CreateOptions>(command, async ({ db }, { name, scope, expires, json }) => {
        const expiresAt = expires === undefined ? null : new Date(Date.now() + expires * dayMs);
        const { key, view } = await createKey(db, { name, scopes: scope, expiresAt, actor: actor() });
        report(json, { key, ...view }, () =>
          [key, '', `Keep it: it is not shown again. Revoke it with: relearn keys revoke ${view.id}`].join('\n'),
        );
      }),
    );

  keys
    .command('list')
    .description('show the keys, without their secrets')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) =>
      withDatabase<{ json?: boolean }>(command, async ({ db }, { json }) => {
        const views = await listKeys(db);
        report(json, views, () => (views.length === 0 ? 'There is no key.' : describeKeys(views, new Date())));
      }),
    );

  keys
    .command('revoke')
    .description('end a key; every server refuses it within seconds')
    .argument('<id>', 'as in the list')
    .option('--json', 'report as JSON')
    .action((id: string, _: unknown, command: Command) =>
      withDatabase<{ json?: boolean }>(command, async ({ db }, { json }) => {
        const view = await revokeKey(db, { id, actor: actor() });
        report(json, view, () => `${view.name} (${view.id}) is revoked.`);
      }),
    );
}

async function withDatabase<Options extends object>(
  command: Command,
  work: (runtime: Pick<Runtime, 'db'>, options: Options) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<Options & { config?: string }>();
  const runtime = await openDatabaseRuntime({ config: options.config });
  try {
    await work(runtime, options);
  } finally {
    await runtime.close();
  }
}

function describeKeys(views: readonly KeyView[], now: Date): string {
  const table = new Table({ head: ['id', 'name', 'scopes', 'made', 'state'], style: { head: [], border: [] } });
  for (const view of views) {
    table.push([view.id, view.name, view.scopes.join(', '), view.createdAt.toISOString(), describeState(view, now)]);
  }
  return table.toString();
}

function describeState({ revokedAt, expiresAt }: KeyView, now: Date): string {
  if (revokedAt !== null) return `revoked ${revokedAt.toISOString()}`;
  if (expiresAt === null) return 'usable';
  return `${expiresAt <= now ? 'expired' : 'usable until'} ${expiresAt.toISOString()}`;
}

function readName(given: string): string {
  const name = given.trim();
  if (/^\P{Cc}{1,200}$/u.test(name)) return name;
  throw new InvalidArgumentError('Wanted 1 to 200 characters.');
}

function readScopes(given: string): Scope[] {
  const names = given.split(',').map((name) => name.trim());
  const found = scopes.filter((scope) => names.includes(scope));
  if (names.every((name) => found.some((scope) => scope === name))) return found;
  throw new InvalidArgumentError(`Wanted some of ${scopes.join(', ')}, with commas between.`);
}

function readDays(given: string): number {
  const days = Number(given);
  if (days > 0 && days <= 36_500) return days;
  throw new InvalidArgumentError('Wanted a number of days.');
}
