import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * `npm run peers`: installs the real packages and servers that some tests ask, each into a cache. What cannot be had here,
 * within ten minutes for all, is named, and its tests are left out.
 */
const installers = {
  'the openai package of PyPI': './http/install-openai.js',
  'an S3 server': './promote/install-s3-server.js',
  Presidio: './log/redact/install-presidio.js',
  'scikit-learn': './retrain/pipeline/install-sklearn.js',
};
const endAt = Date.now() + 10 * 60_000;

for (const [name, installer] of Object.entries(installers)) {
  const script = fileURLToPath(new URL(installer, import.meta.url));
  const timeout = Math.max(1, endAt - Date.now());
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit', timeout });
  console.log(status === 0 ? `${name}: installed` : `${name}: cannot be installed here; its tests are left out`);
}
