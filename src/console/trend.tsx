import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Model } from './overview.tsx';

const seconds = (at: string) => Date.parse(at) / 1000;
const share = (part: number, whole: number) => (whole === 0 ? null : (100 * part) / whole);

/** Traffic and the three shares that monitors watch, on one time axis with the marks of versions and incidents. */
export function Trend({ model }: { model: Model }) {
  const place = useRef<HTMLDivElement>(null);
  const { traffic, gold, marks } = model;
  const hasData = traffic.length + gold.length > 0;
  useEffect(() => {
    const parent = place.current;
    if (parent === null || !hasData) return;
    const chart = new uPlot(optionsFor(parent, model), dataOf(model), parent);
    const sized = new ResizeObserver(() => chart.setSize({ width: parent.clientWidth, height }));
    sized.observe(parent);
    return () => {
      sized.disconnect();
      chart.destroy();
    };
  }, [model, hasData]);
  if (!hasData) return <p className="quiet">No traffic in the last day.</p>;
  const requests = traffic.reduce((sum, part) => sum + part.requests, 0);
  const summary =
    `The last day of ${model.model}: ${requests} requests, ${gold.length} gold probes` +
    marks.map(({ kind, name }) => `, ${kind} ${name}`).join('');
  return <div ref={place} className="trend" role="img" aria-label={summary} />;
}

const height = 190;

function dataOf({ traffic, gold }: Model): uPlot.AlignedData {
  const requests: uPlot.AlignedData = [
    traffic.map(({ at }) => seconds(at)),
    traffic.map((part) => part.requests),
    traffic.map((part) => share(part.low_confidence, part.requests)),
    traffic.map((part) => share(part.negative, part.requests)),
  ];
  const probes: uPlot.AlignedData = [
    gold.map(({ at }) => seconds(at)),
    gold.map(({ passed, asked }) => share(passed, asked)),
  ];
  return uPlot.join([requests, probes]);
}

function optionsFor(parent: HTMLElement, { marks }: Model): uPlot.Options {
  const color = (name: string) => getComputedStyle(parent).getPropertyValue(name);
  const axis = { stroke: color('--ink'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
  const line = (label: string, name: string, more: Partial<uPlot.Series> = {}): uPlot.Series => ({
    ...{ label, stroke: color(name), width: 2, scale: '%', spanGaps: true },
    value: (_chart, value: number | null) => (value === null ? '–' : `${value.toFixed(1)} %`),
    ...more,
  });
  return {
    ...{ width: parent.clientWidth, height },
    scales: { '%': { range: [0, 100] } },
    axes: [axis, { ...axis, scale: '%', size: 44 }],
    series: [
      {},
      { label: 'requests', scale: 'requests', stroke: color('--line-strong'), fill: color('--line'), width: 1 },
      line('low confidence', '--warn'),
      line('negative feedback', '--bad'),
      line('gold pass rate', '--good'),
    ],
    hooks: { draw: [(chart) => drawMarks(chart, marks, color)] },
  };
}

function drawMarks(chart: uPlot, marks: Model['marks'], color: (name: string) => string): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  for (const { at, kind, name } of marks) {
    const x = Math.round(chart.valToPos(seconds(at), 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = color(kind === 'incident' ? '--bad' : '--accent');
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = x > bbox.left + bbox.width * 0.8 ? 'right' : 'left';
    ctx.fillText(` ${name} `, x, bbox.top + 12 * devicePixelRatio);
  }
  ctx.restore();
}
