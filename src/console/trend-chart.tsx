import {
  Area,
  CartesianGrid,
  ComposedChart,
  Legend,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { Model } from './overview.tsx';
import { percent } from './trend.tsx';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' });
const ink = { fill: 'var(--quiet)', fontSize: 12 };
const paper = { background: 'var(--panel)', border: '1px solid var(--line-strong)', borderRadius: 6 };

/** The lines of shares. The boundary is that of the drift test; what it has gathered is a share of what alarms. */
const lines = [
  { key: 'gold', name: 'gold pass rate', color: 'var(--good)', type: 'linear' },
  { key: 'healthy', name: 'lowest healthy rate', color: 'var(--good)', type: 'stepAfter', dash: '6 4' },
  { key: 'evidence', name: 'drift evidence (log, of alarm)', color: 'var(--accent)', type: 'linear', dash: '2 3' },
  { key: 'lowConfidence', name: 'low confidence', color: 'var(--warn)', type: 'linear' },
  { key: 'negative', name: 'negative feedback', color: 'var(--bad)', type: 'linear' },
] as const;

export default function TrendChart({ trend, marks }: Pick<Model, 'trend' | 'marks'>) {
  // The last part is not over: its requests would look like a fall, unless they are all there is.
  const isFirst = trend.slice(0, -1).every(({ requests }) => requests === 0);
  const rows = trend.map((part, place) => ({
    ...{ ...part, at: Date.parse(part.at), requests: isFirst || place + 1 < trend.length ? part.requests : null },
  }));
  const [first, last] = [rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0];
  const hours = rows
    .map(({ at }) => at)
    .filter((at) => new Date(at).getMinutes() === 0 && new Date(at).getHours() % 3 === 0);
  return (
    <ResponsiveContainer width="100%" height={260}>
      <ComposedChart data={rows} margin={{ top: 34, right: 0, bottom: 0, left: 0 }}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          {...{ dataKey: 'at', type: 'number', scale: 'time', domain: [first, last], ticks: hours, minTickGap: 24 }}
          {...{ tick: ink, tickLine: false, axisLine: { stroke: 'var(--line-strong)' } }}
          tickFormatter={(at: number) => clock.format(at)}
        />
        <YAxis
          {...{ yAxisId: 'share', domain: [0, 1], width: 46, tick: ink, tickLine: false, axisLine: false }}
          tickFormatter={percent}
        />
        <YAxis
          {...{ yAxisId: 'requests', orientation: 'right', width: 46, tick: ink, tickLine: false, axisLine: false }}
          {...{ allowDecimals: false, tickCount: 5, domain: [0, twice] }}
        />
        <Area
          {...{
            yAxisId: 'requests',
            dataKey: 'requests',
            name: 'requests',
            type: 'monotone',
            isAnimationActive: false,
          }}
          {...{
            stroke: 'var(--line-strong)',
            strokeWidth: 1,
            legendType: 'rect',
            fill: 'var(--line)',
            fillOpacity: 0.6,
          }}
        />
        {lines.map(({ key, name, color, type, ...line }) => (
          <Line
            key={key}
            {...{
              yAxisId: 'share',
              dataKey: key,
              name,
              type,
              connectNulls: true,
              dot: rows.filter((row) => row[key] !== null).length === 1, // a line of one point is not seen
              isAnimationActive: false,
            }}
            {...{
              legendType: 'plainline',
              stroke: color,
              strokeWidth: 2,
              strokeDasharray: 'dash' in line ? line.dash : '',
            }}
          />
        ))}
        {marksOn(marks, first, last).map(({ x, row, kind, name }) => (
          <ReferenceLine
            key={`${kind} ${name} ${x}`}
            {...{ x, yAxisId: 'share', stroke: kind === 'incident' ? 'var(--bad)' : 'var(--accent)' }}
            label={{
              ...{ value: name.replaceAll('_', ' '), fontSize: 12, position: 'top', offset: 4 + 14 * row },
              fill: kind === 'incident' ? 'var(--bad)' : 'var(--accent)',
            }}
          />
        ))}
        <Tooltip
          {...{ contentStyle: paper, isAnimationActive: false }}
          labelFormatter={(at) => moment.format(Number(at))}
          formatter={(value, name) => [
            name === 'requests' ? Number(value).toLocaleString() : percent(Number(value)),
            name,
          ]}
        />
        <Legend itemSorter={null} formatter={(name: string) => <span className="legend">{name}</span>} />
      </ComposedChart>
    </ResponsiveContainer>
  );
}

/** Marks on the axis; of two that stand close, the later one's name goes into the row above. */
function marksOn(marks: Model['marks'], first: number, last: number) {
  let before = { x: -Infinity, row: 0 };
  return marks.map(({ at, kind, name }) => {
    const x = Math.max(first, Math.min(last, Date.parse(at)));
    before = { x, row: x - before.x < (last - first) / 8 && before.row === 0 ? 1 : 0 };
    return { ...before, kind, name };
  });
}

/** Traffic takes the lower half: the round number above twice the most requests of a part. */
function twice(most: number): number {
  const step = 4 * 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, most))) - 1);
  return Math.ceil((2 * most + 1) / step) * step;
}
