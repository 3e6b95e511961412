import { setImmediate as nextTurn } from 'node:timers/promises';

/** About half a millisecond of work on rows of a few hundred characters. */
const sliceRows = 200;

/** Calls `work` on slices of the rows with a turn of the event loop between, so that no request waits behind them. */
export async function* inSlices<Row, Result>(
  rows: readonly Row[],
  work: (slice: readonly Row[]) => Result,
): AsyncGenerator<Result> {
  for (let at = 0; at < rows.length; at += sliceRows) {
    if (at > 0) await nextTurn();
    yield work(rows.slice(at, at + sliceRows));
  }
}
