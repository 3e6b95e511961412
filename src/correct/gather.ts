/**
 * Makes one call of many: while one is under way, the items of those that come in wait, and go together into the next. The
 * first of a quiet time waits for nobody. `work` answers one result per item, in order; when it throws, every call
 * of that turn does.
 */
export function gather<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  mostItems: number,
): (items: readonly Item[]) => Promise<Result[]> {
  interface Call {
    items: readonly Item[];
    resolve: (results: Result[]) => void;
    reject: (error: unknown) => void;
  }
  const waiting: Call[] = [];
  let busy = false;

  function takeTurn(): Call[] {
    let items = 0;
    const over = waiting.findIndex((call, place) => (items += call.items.length) > mostItems && place > 0);
    return waiting.splice(0, over === -1 ? waiting.length : over);
  }

  async function drain(): Promise<void> {
    busy = true;
    for (let calls = takeTurn(); calls.length > 0; calls = takeTurn()) {
      try {
        const results = await work(calls.flatMap(({ items }) => items));
        let done = 0;
        for (const { items, resolve } of calls) resolve(results.slice(done, (done += items.length)));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    busy = false;
  }

  return (items) =>
    new Promise<Result[]>((resolve, reject) => {
      waiting.push({ items, resolve, reject });
      if (!busy) void drain();
    });
}
