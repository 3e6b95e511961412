/** How often the monitors cry wolf, and how soon they see a wolf: simulated streams through the code that judges. */
import Table from 'cli-table3';
import { configSchema } from '../src/config.ts';
import { logThresholdFor } from '../src/watch/e-detector.ts';
import { goldLogThreshold, goldPlan, monitorsThatOpen } from '../src/watch/gold-plan.ts';
import type { GoldBaseline } from '../src/watch/gold-monitor.ts';
import { looksPerYear } from '../src/watch/judgement.ts';
import { falseAlarms, medianDelay, perLook, type NoisyModel, type Probing } from './drift-gold.ts';
import { kinds, trafficDelay, trafficFalseAlarms, type TrafficFigures } from './drift-traffic.ts';

const streams = 1000;
/** Streams of the rows that only compare. */
const fewer = 100;
const trafficYears = 3;
const trafficStreams = 21;

/** Defaults of an upstream, but for what is named. */
function settingsOf(goldSet: object) {
  const serve = { kind: 'upstream', url: 'http://127.0.0.1:1/v1', upstreamModel: 'm' };
  const config = configSchema.parse({ models: { m: { serve, drift: { gold: 'gold.jsonl', goldSet } } } });
  const settings = config.models['m'];
  if (settings === undefined) throw new Error('a model that was configured is gone');
  return settings;
}

function probingOf(goldSet: object): Probing {
  const settings = settingsOf(goldSet);
  const { margin, confirms, everySeconds } = goldPlan(settings);
  return { margin, confirms, logThreshold: goldLogThreshold(settings), looksPerYear: looksPerYear(everySeconds) };
}

const coins: NoisyModel = { shares: Array.from({ length: 300 }, () => 0.93), cases: 300 };
const unequal: NoisyModel = { ...coins, shares: coins.shares.map((_, n) => (n % 5 === 0 ? 0.69 : 0.99)) };

const passRate = ({ passed, cases }: GoldBaseline) => passed / cases;
const dropOf = (points: number) => (baseline: GoldBaseline) => (passed: number, cases: number) =>
  passRate(baseline) - passed / cases >= points / 100;
const zTest = (baseline: GoldBaseline) => {
  const before = passRate(baseline);
  const trials = baseline.cases * baseline.repeats;
  return (passed: number, cases: number) => {
    const both = (before * trials + passed) / (trials + cases);
    return (before - passed / cases) / Math.sqrt(both * (1 - both) * (1 / trials + 1 / cases)) > 2.33;
  };
};

export function run(): Promise<Record<string, number>> {
  const quarterHourly = probingOf({ cases: 300, everySeconds: 900 });
  const hourly = probingOf({});
  const figures = {
    false_alarms_per_year: falseAlarms(1, coins, quarterHourly, streams),
    median_delay_10pt: medianDelay(2, coins, quarterHourly, 0.1, streams),
    median_delay_5pt: medianDelay(3, coins, quarterHourly, 0.05, streams),
  };
  const table = newTable(['gold set', 'false alarms a year', '10 points', '5 points']);
  table.push(['300 cases each 15 minutes', ...Object.values(figures).map(readable)]);
  const compare = (name: string, model: NoisyModel, probing: Probing) =>
    table.push([
      name,
      readable(falseAlarms(4, model, probing, fewer)),
      ...[0.1, 0.05].map((drop) => readable(medianDelay(5, model, probing, drop, fewer))),
    ]);
  compare('the same, cases of unequal difficulty', unequal, quarterHourly);
  compare('the same, a cached baseline', { ...coins, cachedBaseline: true }, quarterHourly);
  compare('60 of 300 unequal cases hourly', { ...unequal, cases: 60 }, hourly);
  const rules: [string, (baseline: GoldBaseline) => ReturnType<ReturnType<typeof dropOf>>][] = [
    ['fixed threshold: 5 points', dropOf(5)],
    ['fixed threshold: 10 points', dropOf(10)],
    ['z test at each look, 1 %', zTest],
  ];
  for (const [name, rule] of rules) {
    const { falseAlarms: alarms, delay } = perLook(6, coins, quarterHourly, rule, fewer);
    table.push([name, readable(alarms), readable(delay(0.1)), readable(delay(0.05))]);
  }
  console.log(table.toString());
  console.log(trafficTable().toString());
  return Promise.resolve(figures);
}

const trafficRules: [keyof TrafficFigures, string][] = [
  ['lowConfidence', 'low_confidence'],
  ['confidence', 'confidence'],
  ['negativeFeedback', 'negative_feedback'],
  ['zTest', 'z test of rows, 1 in 1,000'],
];

function trafficTable() {
  const logThreshold = logThresholdFor(looksPerYear(900), monitorsThatOpen(settingsOf({})));
  const table = newTable([
    'production traffic',
    'monitor',
    'false alarms a year',
    '+30 (+10) points',
    '+15 (+5) points',
  ]);
  for (const [name, kind] of Object.entries(kinds)) {
    const alarms = trafficFalseAlarms(kind, logThreshold, trafficYears);
    const [large, small] = [0.3, 0.15].map((rise) => trafficDelay(kind, logThreshold, rise, trafficStreams));
    for (const [rule, word] of trafficRules) {
      const delays = [large, small].map((delay) => readable(delay?.[rule] ?? NaN));
      table.push([name, word, readable(alarms[rule]), ...delays]);
    }
  }
  return table;
}

function newTable(head: string[]) {
  return new Table({ head, style: { head: [], border: [] } });
}

function readable(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(2))) : 'never';
}
