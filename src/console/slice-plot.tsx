import { ErrorBar, ReferenceLine, ResponsiveContainer, Scatter, ScatterChart, XAxis, YAxis } from 'recharts';
import type { z } from 'zod';
import type { versionResponse } from '../http/version-schemas.ts';

type Slice = NonNullable<z.output<typeof versionResponse>['comparison']>['slices'][number];
type Tone = 'good' | 'accent' | 'bad';

interface Point {
  x: number;
  /** Rows from the top. */
  y: number;
  /** How far the interval reaches below and above; 0 where no bound is known. */
  reach: [number, number];
  tone: Tone;
}

const rowHeight = 34;
const tones: readonly Tone[] = ['good', 'accent', 'bad'];
const text = { fill: 'var(--quiet)', fontSize: 12 };

/** The candidate less the champion, slice by slice: dots with intervals beside zero and beside what a gate allows. */
export default function SlicePlot({ slices }: { slices: readonly Slice[] }) {
  const points = slices.map(pointOf);
  const margins = slices.flatMap(({ margin }, y) => (margin === null ? [] : [{ x: -100 * margin, y }]));
  const ticks = ticksFor(points, margins);
  const name = (y: number) => shorten(slices[y]?.slice ?? '');
  return (
    <figure className="dots" data-points={points.length}>
      <div role="img" aria-label="Differences of each slice with their intervals; the table below has the numbers.">
        <ResponsiveContainer width="100%" height={slices.length * rowHeight + 44}>
          <ScatterChart accessibilityLayer={false} margin={{ top: 4, right: 16, bottom: 4, left: 0 }}>
            <XAxis
              {...{ type: 'number', dataKey: 'x', domain: [ticks.at(0) ?? 0, ticks.at(-1) ?? 0], ticks, tick: text }}
              {...{ stroke: 'var(--line-strong)', unit: ' pt' }}
            />
            <YAxis
              {...{ type: 'number', dataKey: 'y', reversed: true, domain: [-0.5, slices.length - 0.5], width: 104 }}
              {...{ ticks: slices.map((_, y) => y), interval: 0, tickFormatter: name, tick: text }}
              {...{ tickLine: false, axisLine: false }}
            />
            <ReferenceLine x={0} stroke="var(--line-strong)" strokeDasharray="4 3" />
            <Scatter data={margins} shape={MarginMark} isAnimationActive={false} />
            {tones.map((tone) => (
              <Scatter
                key={tone}
                {...{ data: points.filter((point) => point.tone === tone), isAnimationActive: false }}
                fill={`var(--${tone})`}
              >
                <ErrorBar
                  dataKey="reach"
                  direction="x"
                  width={6}
                  strokeWidth={2}
                  stroke={`var(--${tone})`}
                  isAnimationActive={false}
                />
              </Scatter>
            ))}
          </ScatterChart>
        </ResponsiveContainer>
      </div>
      <figcaption className="quiet">
        Points gained or lost; bars reach to the 95 % bounds. Dashed: no difference. <span className="margin-key" />{' '}
        what the gate allows to lose: a bar that crosses it may be worse.
      </figcaption>
    </figure>
  );
}

function MarginMark({ cx = 0, cy = 0 }: { cx?: number | undefined; cy?: number | undefined }) {
  const half = rowHeight / 2 - 3;
  return <line x1={cx} x2={cx} y1={cy - half} y2={cy + half} stroke="var(--bad)" strokeWidth={2} />;
}

function pointOf({ difference, lower, upper, margin }: Slice, y: number): Point {
  const tone =
    lower !== null && lower >= 0 ? 'good' : lower !== null && margin !== null && lower <= -margin ? 'bad' : 'accent';
  const reach: [number, number] = [lower === null ? 0 : difference - lower, upper === null ? 0 : upper - difference];
  return { x: 100 * difference, y, reach: [100 * reach[0], 100 * reach[1]], tone };
}

/** Round numbers that hold every interval, every margin and zero. */
function ticksFor(points: readonly Point[], margins: readonly { x: number }[]): number[] {
  const reached = points.flatMap(({ x, reach: [below, above] }) => [x - below, x + above]);
  const all = [0, ...reached, ...margins.map(({ x }) => x)];
  const [low, high] = [Math.min(...all) - 0.2, Math.max(...all) + 0.2];
  const step = [1, 2, 5, 10, 20].find((each) => (high - low) / each <= 6) ?? 50;
  const first = Math.floor(low / step);
  return Array.from({ length: Math.ceil(high / step) - first + 1 }, (_, n) => (first + n) * step);
}

function shorten(name: string): string {
  return name.length > 13 ? `${name.slice(0, 12)}…` : name;
}
