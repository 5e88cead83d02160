import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { OverloadedError } from '../../src/domain/errors.ts';
import { createMicroBatch } from '../../src/parents/micro-batch.ts';

/** A batch of doubled numbers, and what it was run with. */
function useDoubling(maxBatchSize: number) {
  const runs: (readonly number[])[] = [];
  const ask = createMicroBatch<number, number>(
    async (values) => {
      runs.push(values);
      return values.map((value) => value * 2);
    },
    { maxBatchSize, maxConcurrentBatches: 1 },
  );
  return { ask, runs };
}

test('gathers what is asked in one turn, and gives each caller its own results', async () => {
  const { ask, runs } = useDoubling(10);
  expect(await Promise.all([ask([1, 2]), ask([3]), ask([4, 5])])).toEqual([[2, 4], [6], [8, 10]]);
  expect(runs).toEqual([[1, 2, 3, 4, 5]]);
});

test('keeps what one caller asks together where the next batch can hold it', async () => {
  const { ask, runs } = useDoubling(3);
  expect(await Promise.all([ask([1, 2]), ask([3, 4]), ask([5])])).toEqual([[2, 4], [6, 8], [10]]);
  expect(runs).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
});

test('splits what no batch can hold', async () => {
  const { ask, runs } = useDoubling(2);
  expect(await ask([1, 2, 3, 4, 5])).toEqual([2, 4, 6, 8, 10]);
  expect(runs).toEqual([[1, 2], [3, 4], [5]]);
});

test.each([
  { name: 'too few', results: [1] },
  { name: 'too many', results: [1, 2, 3] },
])('fails everybody whose batch gave $name results', async ({ results }) => {
  const ask = createMicroBatch<number, number>(async () => results, { maxBatchSize: 10, maxConcurrentBatches: 1 });
  const asked = await Promise.allSettled([ask([1]), ask([2])]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('refuses what would make too much wait, and takes it again when there is room', async () => {
  const gate = Promise.withResolvers<void>();
  const ask = createMicroBatch<number, number>(
    async (values) => {
      await gate.promise;
      return values;
    },
    { maxBatchSize: 10, maxConcurrentBatches: 1, maxWaiting: 3 },
  );
  const first = ask([1, 2, 3]);
  await expect(ask([4])).rejects.toThrow(OverloadedError);
  await nextTurn();
  const second = ask([4, 5, 6]);
  await expect(ask([7])).rejects.toThrow(OverloadedError);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});
