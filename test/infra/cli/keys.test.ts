import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { writeExample } from '../../../infra/cli/init.ts';
import { createTestDatabase } from '../../stack.ts';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'relearn-keys-'));
await writeExample(folder);
const database = await createTestDatabase();
after(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function relearn(args: string[], more: NodeJS.ProcessEnv = { DATABASE_URL: database.url }): Promise<string> {
  const unset = /^(DATABASE_URL|TEMPORAL_.*|RELEARN_.*)$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !unset.test(name)));
  const { stdout } = await run(process.execPath, [cli, ...args], { cwd: folder, env: { ...env, ...more } });
  return stdout;
}
const view = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  revokedAt: z.string().nullable(),
});

test('a key is shown once, listed without its secret, and revoked', async () => {
  const made = view
    .extend({ key: z.string(), expiresAt: z.iso.datetime() })
    .parse(
      JSON.parse(
        await relearn(['keys', 'create', '--name', 'app', '--scope', 'feedback,infer', '--expires', '7', '--json']),
      ),
    );
  assert.deepEqual([made.name, made.scopes], ['app', ['infer', 'feedback']]);
  const days = (new Date(made.expiresAt).getTime() - Date.now()) / 86_400_000;
  assert.ok(days > 6.9 && days <= 7);
  for (const listed of [await relearn(['keys', 'list', '--json']), await relearn(['keys', 'list'])]) {
    assert.ok(listed.includes(made.id) && !listed.includes(made.key.slice(-20)));
  }
  await relearn(['keys', 'revoke', made.id]);
  const [ended] = z.array(view).parse(JSON.parse(await relearn(['keys', 'list', '--json'])));
  assert.ok(typeof ended?.revokedAt === 'string');
  await assert.rejects(relearn(['keys', 'revoke', 'unknown']), { code: 1, stderr: /No key has this id/ });
});

test('a command typed wrong says what was wanted', async () => {
  for (const wrong of [
    ['--scope', 'infer,root'],
    ['--scope', ''],
    ['--scope', 'infer', '--expires', 'soon'],
  ]) {
    await assert.rejects(relearn(['keys', 'create', '--name', 'app', ...wrong]), { code: 2, stderr: /Wanted/ });
  }
});

test('where nothing runs yet, a key is made in the database that `relearn up` will use', async () => {
  assert.match(await relearn(['keys', 'create', '--name', 'first', '--scope', 'admin'], {}), /^rl_/);
  const listed = z.array(view).parse(JSON.parse(await relearn(['keys', 'list', '--json'], {})));
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['first'],
  );
});
