#!/usr/bin/env node
import { Command } from 'commander';
import { addApprovalCommands } from './cli/approval.ts';
import { addDatasetCommands } from './cli/dataset.ts';
import { addDemoCommand } from './cli/demo.ts';
import { addEraseCommand } from './cli/erase.ts';
import { addEvalCommand } from './cli/eval.ts';
import { reportFailure } from './cli/failure.ts';
import { addDriftCommands } from './cli/drift.ts';
import { addInitCommand } from './cli/init.ts';
import { addKeyCommands } from './cli/keys.ts';
import { addLogCommands } from './cli/log.ts';
import { addProcessCommands } from './cli/process.ts';
import { addModelCommands } from './cli/models.ts';
import { addRedactCommand } from './cli/redact.ts';
import { addReviewCommands } from './cli/review.ts';
import { addStatusCommand } from './cli/status.ts';
import { addUpCommand } from './cli/up.ts';
import { relearnVersion } from './cli/version.ts';
import { addVersionCommands } from './cli/versions.ts';
import { addWorkflowCommands } from './cli/workflows.ts';

const program = new Command('relearn')
  .description('Closes the feedback loop of a model in production.')
  .option('--config <file>', 'path of relearn.yaml (default: RELEARN_CONFIG, or relearn.yaml)')
  .option('--verbose', 'show where an error came from')
  .addHelpText('after', '\nrelearn --version prints the version.')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(add --help for what there is)')
  .exitOverride();

addDemoCommand(program);
addInitCommand(program);
addUpCommand(program);
addProcessCommands(program);
addStatusCommand(program);
addVersionCommands(program);
addModelCommands(program);
addWorkflowCommands(program);
addApprovalCommands(program);
addDriftCommands(program);
addDatasetCommands(program);
addEvalCommand(program);
addReviewCommands(program);
addLogCommands(program);
addEraseCommand(program);
addKeyCommands(program);
addRedactCommand(program);

// Whoever reads our output may have had enough of it, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  // Not an option of the program: commander would take it from `relearn deploy --version v3`.
  if (['--version', '-V'].includes(process.argv[2] ?? '')) console.log(relearnVersion());
  else await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, program.opts<{ verbose?: boolean }>().verbose ?? false);
}
