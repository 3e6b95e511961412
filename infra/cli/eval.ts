import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { RelearnError } from '../../src/errors.ts';
import { askedGates } from '../../src/gate/asked-gates.ts';
import { findFault, type Signed } from '../../src/gate/certificate.ts';
import { describeCertificate, describeGate } from '../../src/gate/describe-certificate.ts';
import { summariseSlices, type SliceResult } from '../../src/gate/slices.ts';
import { findCertificate, parseCertificate, requireCertificate } from '../../src/gate/stored-certificates.ts';
import { decideVerdict, type Decision } from '../../src/gate/verdict.ts';
import { getChampion, getVersion, listChampions } from '../../src/promote/registry.ts';
import { readCertificateKeys } from '../certificate-keys.ts';
import { modelSettings } from '../deploy.ts';
import { openEvalPack } from '../eval-pack.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';

interface EvalOptions {
  model?: string;
  version?: string;
  pack?: string;
  verify?: string | true;
  json?: boolean;
}

/** Of a verdict. */
export const exitCodes = { pass: 0, fail: 1, inconclusive: 3 } as const;

/** `relearn eval`: runs an eval pack by hand, or checks the certificate of a version. */
export function addEvalCommand(program: Command): void {
  program
    .command('eval')
    .description('run an eval pack and its gates by hand, or check a gate certificate')
    .option('--model <name>', 'a model of relearn.yaml')
    .option('--version <version>', 'a registered version, such as v3 (default: the champion)')
    .option('--pack <file>', 'another eval pack (default: the configured one)')
    .option('--verify [what]', 'check the certificate of a version, or one in a file (default: of the champion)')
    .option('--json', 'report as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 gates passed or certificate good, 1 not, 3 inconclusive (too few cases, or answers not judged).',
    )
    .action((_: unknown, command: Command) =>
      runWith<EvalOptions>(command, (runtime, options) =>
        options.verify === undefined ? evaluate(runtime, options) : verify(runtime, options.verify, options),
      ),
    );
}

async function evaluate(runtime: Runtime, options: EvalOptions): Promise<void> {
  const { model, json } = options;
  if (model === undefined) throw new RelearnError('invalid_arguments', 'Wanted --model: whose version is evaluated.');
  const [champion] = await listChampions(runtime.db, [model]);
  const version = options.version ?? (await getChampion(runtime.db, model)).version;
  await getVersion(runtime.db, model, version);
  const compared = champion === undefined || champion.version === version ? null : champion.version;
  const { decision, slices } = await runGates(runtime, { model, version, compared, pack: options.pack });
  if (decision !== null) process.exitCode = exitCodes[decision.verdict];
  report(json, { model, version, champion: compared, slices, decision }, () =>
    describeEval(`${model} ${version}`, slices, decision),
  );
}

/** Nothing is stored but the log of what was asked: a promotion rests on the runs of its own retrain. */
async function runGates(
  runtime: Runtime,
  asked: { model: string; version: string; compared: string | null; pack: string | undefined },
): Promise<{ decision: Decision | null; slices: SliceResult[] }> {
  const { db } = runtime;
  const configured = modelSettings(runtime, asked.model).evals?.gates ?? [];
  const { run, sizeOf, close } = await openEvalPack(runtime, asked.model, asked.pack);
  const weigh = async (version: string): Promise<number | null> => {
    const { artifact } = await getVersion(db, asked.model, version);
    return artifact === null ? null : sizeOf(artifact);
  };
  try {
    const candidate = await run(asked.version);
    const champion = asked.compared === null ? null : await run(asked.compared);
    const cleared = asked.compared === null ? null : await findCertificate(db, asked.model, asked.compared);
    const gates = askedGates(configured, cleared?.gates ?? [], candidate);
    const sizes = {
      candidate: await weigh(asked.version),
      champion: asked.compared === null ? null : await weigh(asked.compared),
    };
    const decision = gates.length === 0 ? null : decideVerdict({ gates, champion, candidate, sizes });
    return { decision, slices: summariseSlices(candidate, champion) };
  } finally {
    await close();
  }
}

function describeEval(title: string, slices: readonly SliceResult[], decision: Decision | null): string {
  const table = new Table({
    head: ['slice', 'cases', 'pass', '', 'champion', 'not judged'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const { slice, cases, passed, championPassed, unknown } of slices) {
    const share = cases === 0 ? '' : `${((100 * passed) / cases).toFixed(1)} %`;
    const rounded = Number(passed.toFixed(2));
    table.push([slice, cases, rounded, share, championPassed === null ? '' : championPassed, unknown || '']);
  }
  const told =
    decision === null
      ? ['No gate is set in evals.gates: nothing is decided.']
      : [...decision.gates.map(describeGate), describeVerdict(decision)];
  return [title, table.toString(), ...told].join('\n');
}

/** With the reasons that no gate has told. */
function describeVerdict({ verdict, gates, reasons }: Decision): string {
  const more = reasons.filter((reason) => gates.every((gate) => gate.reason !== reason));
  return [`verdict: ${verdict}`, ...more].join('. ');
}

async function verify(runtime: Runtime, what: string | true, { model, json }: EvalOptions): Promise<void> {
  const { signed, fault } = await findToVerify(runtime, what, model);
  if (fault !== null) process.exitCode = 1;
  // No fault is added to what is printed: a file of it is checked again.
  report(json, signed, () => describeCertificate(signed, fault));
  if (json === true && fault !== null) console.error(`not good: ${fault}`);
}

/** The certificate of a version, which must be about what is registered, or one that was exported to a file. */
async function findToVerify(
  runtime: Runtime,
  what: string | true,
  model: string | undefined,
): Promise<{ signed: Signed; fault: string | null }> {
  const { config, db, environment } = runtime;
  const keys = await readCertificateKeys(config, environment.secret);
  const text = what === true ? undefined : await readFile(what, 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const signed = parseCertificate(text, String(what));
    return {
      signed,
      fault: findFault(signed, keys) ?? (signed['passed'] === true ? null : 'its gates were not passed'),
    };
  }
  if (model === undefined) {
    throw new RelearnError('invalid_arguments', 'Wanted --model, or --verify with the path of a certificate.');
  }
  modelSettings(runtime, model);
  const version = what === true ? await getChampion(db, model) : await getVersion(db, model, what);
  try {
    return { signed: await requireCertificate(db, keys, version), fault: null };
  } catch (error) {
    const certificate = await findCertificate(db, model, version.version);
    if (!(error instanceof RelearnError) || certificate === null) throw error;
    return { signed: certificate, fault: error.message };
  }
}
