import { median } from './statistics.ts';

/** Does `count` pieces of work, `concurrency` at once. @returns milliseconds that all took. */
export async function timeAll(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<void>,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  return performance.now() - startedAt;
}

/** Does `count` pieces of work, one after the other. @returns the median milliseconds of one. */
export async function timeEach(count: number, work: (index: number) => Promise<void>): Promise<number> {
  const durationsMs: number[] = [];
  for (let index = 0; index < count; index += 1) durationsMs.push(await timeAll(1, 1, async () => work(index)));
  return median(durationsMs);
}
