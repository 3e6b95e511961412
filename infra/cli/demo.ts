import type { Command } from 'commander';

interface DemoFlags {
  data?: string;
  exit?: boolean;
  json?: boolean;
}

/** `relearn demo`: the whole loop on real mail, or on a folder of one's own. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run the whole loop once on real mail: production drifts, people correct, a better version serves')
    .option(
      '--data <folder>',
      'tell the story on this folder: base-train, gold, eval, traffic-… and eval-after (JSONL)',
    )
    .option('--exit', 'stop everything at the end instead of leaving it up to look around')
    .option('--json', 'print the result as one JSON object on the last line')
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('../demo/run.ts');
      await runDemo({
        ...(flags.data === undefined ? {} : { data: flags.data }),
        exit: flags.exit ?? false,
        json: flags.json ?? false,
      });
    });
}
