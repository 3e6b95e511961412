import { upperBound } from './e-detector.ts';

/**
 * One hour of traffic, counted by units: a user's rows of one hour are averaged first and count as one, since they are
 * not independent; a row without a user counts for itself. `sums[i]` adds up, over the units, the share of the unit's
 * rows that indicator i holds for.
 */
export interface HourShares {
  units: number;
  sums: number[];
}

/** An indicator to watch: whether it, or its opposite, became more frequent. */
export interface Indicator {
  index: number;
  opposite?: boolean;
}

export interface Healthy {
  /** The mean over the reference's units. */
  usual: number;
  /** The largest mean that still counts as healthy. */
  most: number;
}

/** The mean of an indicator over all units of some hours. */
export function meanOf(hours: readonly HourShares[], indicator: Indicator): { units: number; mean: number } {
  const units = hours.reduce((total, hour) => total + hour.units, 0);
  const sum = hours.reduce((total, hour) => total + sumOf(hour, indicator), 0);
  return { units, mean: units === 0 ? 0 : sum / units };
}

/**
 * What counts as healthy after this reference: its mean's upper 95 % bound, plus what its worst hour exceeds the mean
 * by, plus the margin. The hours' excesses are shrunk towards the mean by the part of their spread that chance explains
 * (the estimator of James and Stein, its variance between hours by DerSimonian and Laird 1986): a stationary day adds
 * nothing, a nightly batch all of its own hour.
 */
export function healthyLevel(hours: readonly HourShares[], indicator: Indicator, margin: number): Healthy {
  const { units, mean } = meanOf(hours, indicator);
  const chance = mean * (1 - mean);
  const seen = hours.filter((hour) => hour.units > 0);
  const squares = seen.reduce((total, hour) => total + hour.units * excess(hour, indicator, mean) ** 2, 0);
  const weight = units - seen.reduce((total, hour) => total + hour.units ** 2, 0) / units;
  const between = weight > 0 ? Math.max(0, (squares - (seen.length - 1) * chance) / weight) : 0;
  const worst = seen.reduce((largest, hour) => {
    const shrunk = between === 0 ? 0 : (excess(hour, indicator, mean) * between) / (between + chance / hour.units);
    return Math.max(largest, shrunk);
  }, 0);
  return { usual: mean, most: upperBound(mean, units) + worst + margin };
}

function sumOf({ units, sums }: HourShares, { index, opposite }: Indicator): number {
  const sum = sums[index] ?? 0;
  return opposite === true ? units - sum : sum;
}

function excess(hour: HourShares, indicator: Indicator, mean: number): number {
  return sumOf(hour, indicator) / hour.units - mean;
}
