/**
 * `work` on every item with some at once, results in the order of the items. No more than `ahead` results wait to be
 * taken, whatever the order in which they get ready.
 */
export async function* inOrder<A, B>(
  items: Iterable<A>,
  ahead: number,
  work: (item: A) => Promise<B>,
): AsyncGenerator<B, void, undefined> {
  const waiting: Promise<B>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      // It is awaited below; until then a failure must not count as unhandled.
      result.catch(() => undefined);
      waiting.push(result);
      if (waiting.length < ahead) continue;
      const next = waiting.shift();
      if (next) yield await next;
    }
    for (let next = waiting.shift(); next; next = waiting.shift()) yield await next;
  } finally {
    await Promise.allSettled(waiting);
  }
}
