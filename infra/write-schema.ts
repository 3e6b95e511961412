import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { configJsonSchema } from './config-problems.ts';

/** Writes relearn.schema.json; a test compares it with the configuration. */
const target = fileURLToPath(new URL('../../relearn.schema.json', import.meta.url));
await writeFile(target, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
