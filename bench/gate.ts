import type { Gate } from '../src/gate/config.ts';
import { decideVerdict, type CaseResult } from '../src/gate/verdict.ts';
import { createRandom } from '../src/retrain/embedded/random.ts';

const candidates = 4000;
const cases = 600;
/** Share of cases on which candidate and champion disagree, drawn anew for each candidate. */
const discordance = { from: 0.06, to: 0.1 };
const championRate = 0.93;
const labels = 100;
/** A required gate as it is without numbers (2.5 points, lower 95 % bound), and the one that every classifier gets. */
const gates: Gate[] = [
  { metric: 'pass_rate', slice: 'all', required: true },
  { metric: 'pass_rate', slice: 'label/*', required: true },
];

/**
 * How often candidates of known quality pass the gates, through the production verdict. Each is a fresh draw of 600
 * paired cases; the seed is fixed.
 */
export async function run(): Promise<Record<string, number>> {
  const random = createRandom(20261121);
  const figures = {
    candidates,
    worse_3pt_passes: shareThatPasses(-0.03, random),
    better_2pt_passes: shareThatPasses(0.02, random),
    equal_passes: shareThatPasses(0, random),
    label_lost_passes: shareThatPasses(0, random, (label) => label === 7),
  };
  return Promise.resolve(figures);
}

function shareThatPasses(difference: number, random: () => number, isLost: (label: number) => boolean = () => false) {
  let passed = 0;
  for (let round = 0; round < candidates; round += 1) {
    const { champion, candidate } = drawPair(difference, random);
    const left = candidate.map((result, n) => (isLost(n % labels) ? { ...result, passed: false } : result));
    if (decideVerdict({ gates, champion, candidate: left }).verdict === 'pass') passed += 1;
  }
  return passed / candidates;
}

function drawPair(difference: number, random: () => number): { champion: CaseResult[]; candidate: CaseResult[] } {
  const share = discordance.from + random() * (discordance.to - discordance.from);
  const gained = (share + difference) / 2;
  const lost = (share - difference) / 2;
  const champion: CaseResult[] = [];
  const candidate: CaseResult[] = [];
  for (let n = 0; n < cases; n += 1) {
    const u = random();
    const [before, after] =
      u < gained
        ? [false, true]
        : u < gained + lost
          ? [true, false]
          : both(random() < (championRate - lost) / (1 - share));
    const one = { case: String(n), slice: 'all', label: String(n % labels) };
    champion.push({ ...one, passed: before });
    candidate.push({ ...one, passed: after });
  }
  return { champion, candidate };
}

function both(passed: boolean): [boolean, boolean] {
  return [passed, passed];
}
