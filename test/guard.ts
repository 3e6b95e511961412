/**
 * Loaded into every test file's process, before it: a file that leaves something running fails, and says what.
 */
import { after } from 'node:test';

// What takes its time on a slow machine is no failure.
const fileTimeoutMs = 20 * 60_000;
const windUpMs = 180_000;

// Programs that a test starts are no test files.
delete process.env['NODE_OPTIONS'];

function failAfter(ms: number, what: string): void {
  setTimeout(() => {
    const held = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout');
    console.error(`${what}; still there: ${held.join(', ') || 'timers'}`);
    process.exit(1);
  }, ms).unref();
}

failAfter(fileTimeoutMs, `this file took more than ${fileTimeoutMs / 60_000} minutes`);
after(() => failAfter(windUpMs, 'all tests are done and something is left running'));
