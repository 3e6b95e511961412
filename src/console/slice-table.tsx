import type { z } from 'zod';
import type { versionResponse } from '../http/version-schemas.ts';

type Comparison = NonNullable<z.output<typeof versionResponse>['comparison']>;

/** The numbers of the dot plot. */
export function SliceTable({ version, comparison }: { version: string; comparison: Comparison }) {
  return (
    <div className="scroll" role="region" aria-label={`Slices of ${version}`} tabIndex={0}>
      <table className="numbers">
        <thead>
          <tr>
            <th>Slice</th>
            <th>Cases</th>
            <th>{version}</th>
            <th>{comparison.champion}</th>
            <th>Difference</th>
            <th>Interval</th>
            <th>Margin</th>
          </tr>
        </thead>
        <tbody>
          {comparison.slices.map(({ slice, cases, candidate, champion, difference, lower, upper, margin }) => (
            <tr key={slice}>
              <th scope="row">{slice}</th>
              <td>{cases}</td>
              <td>{percent.format(candidate)}</td>
              <td>{percent.format(champion)}</td>
              <td>{signed.format(100 * difference)}</td>
              <td>{intervalOf(lower, upper)}</td>
              <td>{margin === null ? '–' : signed.format(-100 * margin)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const percent = new Intl.NumberFormat(undefined, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const signed = new Intl.NumberFormat(undefined, {
  ...{ minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'exceptZero' },
});

function intervalOf(lower: number | null, upper: number | null): string {
  if (lower === null) return 'not known';
  if (upper === null) return `${signed.format(100 * lower)} or more`;
  return `${signed.format(100 * lower)} to ${signed.format(100 * upper)}`;
}
