import { Bar, BarChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { Cluster } from './clusters.tsx';

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** How large a cluster was at each look, as small bars. */
export default function Sizes({ name, sizes }: Pick<Cluster, 'name' | 'sizes'>) {
  const [first] = sizes;
  const last = sizes.at(-1);
  if (first === undefined || last === undefined) return <div className="sizes quiet">no look yet</div>;
  const says = `Rows of ${name} at each look, from ${first.rows} to ${last.rows}`;
  return (
    <figure className="sizes">
      <div role="img" aria-label={says}>
        <ResponsiveContainer width="100%" height={48}>
          <BarChart data={sizes} margin={{ top: 0, right: 0, bottom: 0, left: 0 }} accessibilityLayer={false}>
            <XAxis dataKey="at" hide />
            <YAxis hide domain={[0, 'dataMax']} />
            <Tooltip
              cursor={false}
              isAnimationActive={false}
              labelFormatter={(at) => (typeof at === 'string' ? timeFormat.format(new Date(at)) : '')}
              contentStyle={{ background: 'var(--panel)', borderColor: 'var(--line-strong)', padding: '0.2rem 0.5rem' }}
              itemStyle={{ color: 'var(--ink)' }}
            />
            <Bar dataKey="rows" fill="var(--accent)" maxBarSize={14} isAnimationActive={false} />
          </BarChart>
        </ResponsiveContainer>
      </div>
      <figcaption className="quiet">
        {sizes.length === 1 ? 'one look so far' : `rows at the last ${sizes.length} looks`}
      </figcaption>
    </figure>
  );
}
