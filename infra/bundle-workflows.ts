import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { failureConverterPath } from './data-converter.ts';

const built = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * The workflows as a worker loads them; written by `npm run build`, as bundling takes longer than all else of a worker's start.
 * What encodes the failures of workflows is in the bundle: there is one for workers with payload keys.
 */
export const workflowBundles = {
  plain: built('workflow-bundle.js'),
  encrypting: built('workflow-bundle-encrypting.js'),
};

if (import.meta.filename === process.argv[1]) {
  const quiet = { trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error, log() {} };
  const common = {
    ...{ workflowsPath: built('workflows/index.js'), logger: quiet },
    workflowInterceptorModules: [built('workflows/activity-summaries.js')],
  };
  await writeFile(workflowBundles.plain, (await bundleWorkflowCode(common)).code);
  const encrypting = await bundleWorkflowCode({ ...common, failureConverterPath });
  await writeFile(workflowBundles.encrypting, encrypting.code);
}
