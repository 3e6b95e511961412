/** A process that trains once, so that its CPU time and peak memory are those of training: `node train-alone.js BASE DATASET OUTPUT`. */
import { redactorVersion } from '../src/log/redact/index.ts';
import { trainFromFiles } from '../src/retrain/embedded/train-from-files.ts';
import { trainerSchema } from '../src/retrain/config.ts';

const [base = '', dataset = '', output = ''] = process.argv.slice(2);
const config = trainerSchema.parse({ kind: 'embedded', base });
if (config.kind !== 'embedded') throw new Error('wanted the embedded trainer');
const { seed, epochs } = config;
const before = process.cpuUsage();
await trainFromFiles(
  { files: { base, dataset, calibration: [] }, output, seed, epochs, redactorVersion: redactorVersion() },
  () => {},
);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpu: (user + system) / 1e6, peakMb: process.resourceUsage().maxRSS / 1024 }));
