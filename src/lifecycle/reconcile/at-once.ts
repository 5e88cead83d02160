/**
 * Calls `use` with every item, `limit` at a time, and gives the results in order. After a fault no other item is begun,
 * and it is thrown when those that had begun have ended.
 */
export async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  limit: number,
  use: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = Array.from({ length: items.length });
  const entries = items.entries();
  let isBroken = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (isBroken) return;
      try {
        results[index] = await use(item);
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason;
  return results;
}
