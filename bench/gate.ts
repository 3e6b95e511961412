import { askedGates } from '../src/gate/asked-gates.ts';
import type { Gate } from '../src/gate/config.ts';
import { decideVerdict, type CaseResult } from '../src/gate/verdict.ts';
import { createRandom } from '../src/retrain/embedded/random.ts';

const candidates = 4000;
const cases = 600;
/** Share of cases on which candidate and champion disagree, drawn anew for each candidate. */
const discordance = { from: 0.06, to: 0.1 };
const championRate = 0.93;
const labels = 100;
/** Held-out corrections of earlier incidents, ten cases each. */
const incidents = 10;
const heldOut = 10;
/** A required gate as it is without numbers (2.5 points, lower 95 % bound); the others come by themselves. */
const configured: Gate[] = [{ metric: 'pass_rate', slice: 'all', required: true }];

/**
 * How often candidates of known quality pass the gates, through the production verdict. Each is a fresh draw of 600
 * paired cases, and of 100 held-out corrections on which it is equal; the seeds are fixed.
 */
export async function run(): Promise<Record<string, number>> {
  const random = createRandom(20261121);
  const learned = createRandom(20261122);
  const passes = (difference: number, isLost?: IsLost) => shareThatPasses({ difference, random, learned, isLost });
  const figures = {
    candidates,
    worse_3pt_passes: passes(-0.03),
    better_2pt_passes: passes(0.02),
    equal_passes: passes(0),
    label_lost_passes: passes(0, ({ label }) => label === '7'),
    learned_lost_passes: passes(0, ({ slice }) => slice === 'learned/7'),
  };
  return Promise.resolve(figures);
}

type IsLost = (one: CaseResult) => boolean;

interface Simulated {
  /** True difference of the pass rates on the pack. */
  difference: number;
  random: () => number;
  learned: () => number;
  /** Cases that the candidate fails, whatever it drew. */
  isLost?: IsLost | undefined;
}

function shareThatPasses({ difference, random, learned, isLost = () => false }: Simulated): number {
  let passed = 0;
  for (let round = 0; round < candidates; round += 1) {
    const pack = Array.from({ length: cases }, (_, n) => ({ case: `${n}`, slice: 'all', label: `${n % labels}` }));
    const taught = Array.from({ length: incidents * heldOut }, (_, n) => ({
      case: `learned ${n}`,
      slice: `learned/${n % incidents}`,
    }));
    const pairs = [...drawPairs(pack, difference, random), ...drawPairs(taught, 0, learned)];
    const champion = pairs.map(([before]) => before);
    const candidate = pairs.map(([, after]) => (isLost(after) ? { ...after, passed: false } : after));
    const gates = askedGates(configured, [], candidate);
    if (decideVerdict({ gates, champion, candidate }).verdict === 'pass') passed += 1;
  }
  return passed / candidates;
}

function drawPairs(
  asked: readonly Omit<CaseResult, 'passed'>[],
  difference: number,
  random: () => number,
): [CaseResult, CaseResult][] {
  const share = discordance.from + random() * (discordance.to - discordance.from);
  const gained = (share + difference) / 2;
  const lost = (share - difference) / 2;
  return asked.map((one) => {
    const u = random();
    const [before, after] =
      u < gained
        ? [false, true]
        : u < gained + lost
          ? [true, false]
          : both(random() < (championRate - lost) / (1 - share));
    return [
      { ...one, passed: before },
      { ...one, passed: after },
    ];
  });
}

function both(passed: boolean): [boolean, boolean] {
  return [passed, passed];
}
