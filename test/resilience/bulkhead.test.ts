import { expect, test } from 'vitest';
import { OverloadedError } from '../../src/domain/errors.ts';
import { createBulkhead } from '../../src/resilience/bulkhead.ts';
import { createRecordingObserver } from '../support/breaker.ts';

/** Work that is settled by hand; how much of it is under way. */
function setUp({ maxConcurrent = 2, maxQueue = 3 } = {}) {
  const observer = createRecordingObserver();
  const bulkhead = createBulkhead({ observer }, { dependency: 'database', maxConcurrent, maxQueue });
  const underWay: PromiseWithResolvers<string>[] = [];
  const run = async (): Promise<unknown> =>
    bulkhead
      .run(async () => {
        const work = Promise.withResolvers<string>();
        underWay.push(work);
        return work.promise;
      })
      .catch((error: unknown) => error);
  return { run, underWay, told: observer.told };
}

test('does so much at once, has so much wait, and refuses the rest at once as overloaded', async () => {
  const { run, underWay, told } = setUp();
  const calls = Array.from({ length: 7 }, run);
  const refused = await Promise.all(calls.slice(5));
  expect(refused.every((error) => error instanceof OverloadedError)).toBe(true);
  expect(underWay).toHaveLength(2);
  expect(told).toContain('database 2 + 3');
  expect(told.filter((what) => what === 'database full')).toHaveLength(2);
  for (let finished = 0; finished < 5; finished += 1) {
    await expect.poll(() => underWay.length).toBeGreaterThan(finished);
    underWay[finished]?.resolve(`done ${finished}`);
  }
  expect(await Promise.all(calls.slice(0, 5))).toEqual(['done 0', 'done 1', 'done 2', 'done 3', 'done 4']);
  expect(told.at(-1)).toBe('database 0 + 0');
});

test('gives a place back when the work fails', async () => {
  const { run, underWay } = setUp({ maxConcurrent: 1, maxQueue: 0 });
  const failure = new Error('the store is down');
  const failed = run();
  underWay[0]?.reject(failure);
  expect(await failed).toBe(failure);
  const next = run();
  underWay[1]?.resolve('done');
  expect(await next).toBe('done');
});
