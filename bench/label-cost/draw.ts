import { parse, View, type Spec } from 'vega';

export interface CurvePoint {
  order: 'queue' | 'random';
  corrections: number;
  accuracy: number;
}

const grey = '#6b7280';
const colours = { queue: '#0f766e', random: '#9ca3af' };

/** Accuracy against corrections, the median of the seeds for both orders, with the accuracy to reach as a line. SVG. */
export async function drawCurves(points: readonly CurvePoint[], target: number): Promise<string> {
  const view = new View(parse(chart(medians(points), target)), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

function medians(points: readonly CurvePoint[]): CurvePoint[] {
  const groups = new Map<string, CurvePoint[]>();
  for (const point of points) {
    const key = `${point.order} ${point.corrections}`;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  return [...groups.values()]
    .flatMap((group) => group.sort((a, b) => a.accuracy - b.accuracy)[Math.floor(group.length / 2)] ?? [])
    .sort((a, b) => a.corrections - b.corrections);
}

function chart(values: CurvePoint[], target: number): Spec {
  const x = { scale: 'x', field: 'corrections' };
  const y = { scale: 'y', field: 'accuracy' };
  const stroke = { scale: 'colour', field: 'order' };
  return {
    width: 640,
    height: 320,
    padding: 8,
    background: 'white',
    data: [{ name: 'points', values }],
    scales: [
      { name: 'x', type: 'linear', range: 'width', zero: true, domain: { data: 'points', field: 'corrections' } },
      {
        name: 'y',
        type: 'linear',
        range: 'height',
        zero: false,
        nice: true,
        domain: { data: 'points', field: 'accuracy' },
      },
      { name: 'colour', type: 'ordinal', domain: Object.keys(colours), range: Object.values(colours) },
    ],
    axes: [
      { orient: 'bottom', scale: 'x', title: 'corrections', gridColor: '#f3f4f6', grid: true },
      { orient: 'left', scale: 'y', title: 'accuracy after retraining', format: '%', gridColor: '#f3f4f6', grid: true },
    ],
    legends: [{ stroke: 'colour', title: 'order', symbolType: 'stroke', orient: 'bottom-right' }],
    marks: [
      {
        type: 'rule',
        encode: {
          enter: {
            x: { value: 0 },
            x2: { signal: 'width' },
            y: { scale: 'y', value: target },
            stroke: { value: grey },
            strokeDash: { value: [4, 4] },
          },
        },
      },
      {
        type: 'group',
        from: { facet: { name: 'series', data: 'points', groupby: 'order' } },
        marks: [
          { type: 'line', from: { data: 'series' }, encode: { enter: { x, y, stroke, strokeWidth: { value: 2.5 } } } },
          { type: 'symbol', from: { data: 'series' }, encode: { enter: { x, y, fill: stroke, size: { value: 36 } } } },
        ],
      },
    ],
  };
}
