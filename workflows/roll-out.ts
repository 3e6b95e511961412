import { condition, patched } from '@temporalio/workflow';
import type { RunPlan } from '../activities/promote.ts';
import { bulk, patient } from './activity-options.ts';

export interface RollOut {
  model: string;
  run: number;
  champion: string;
  version: string;
  token: number;
  canary: NonNullable<RunPlan['canary']>;
  /** What a person said who took the version back; undefined while nobody did. */
  askedBack: () => { by: string; reason: string } | undefined;
  /** Told the share and the latest verdict, for people to see. */
  tell: (share: number, verdict: string) => void;
}

/** Looks at a share before it grows. */
const looks = 5;

/**
 * Lets the candidate answer growing shares of the traffic, watched by gold set, confidence and complaints. Null when
 * nothing spoke against it; else why it is taken back.
 */
export async function rollOut({ askedBack, tell, ...wanted }: RollOut): Promise<string | null> {
  const { model, run, champion, version, token, canary } = wanted;
  for (const share of canary.shares) {
    tell(share, 'begins');
    const answers = await patient.rollOutTo({ model, run, version, share, expectedToken: token });
    // In histories of earlier releases it is false.
    if (answers !== true) return answers === false ? 'taken back' : answers.ended;
    const before = await bulk.infer({ model, source: 'probe', cases: 'gold', version: champion });
    const after = await bulk.infer({ model, source: 'probe', cases: 'gold', version });
    const gold = before === null || after === null ? null : { champion: before.id, candidate: after.id };
    for (let look = 0; look < looks; look += 1) {
      const wait = { summary: `${Math.round(share * 100)} % of the traffic, look ${look + 1} of ${looks}` };
      await condition(() => askedBack() !== undefined, canary.stepMs / looks, wait);
      const asked = askedBack();
      if (asked !== undefined) return describeTakenBack(asked);
      const { state, reason } = await patient.judgeRollout({ model, run, gold });
      tell(share, `${state}: ${reason}`);
      if (state === 'worse' || state === 'ended') return reason;
    }
  }
  // While the last look was taken. Runs of earlier releases that were promoted all the same replay so.
  const asked = askedBack();
  return asked !== undefined && patched('asked-back-in-last-look') ? describeTakenBack(asked) : null;
}

function describeTakenBack({ by, reason }: { by: string; reason: string }): string {
  return `taken back by ${by}. ${reason}`.trim();
}
