import { OverloadedError } from '../domain/errors.ts';

export interface MicroBatchOptions {
  /** Values that one batch may hold. */
  readonly maxBatchSize: number;
  /** Batches that may be under way at once; what is asked meanwhile waits for the next. */
  readonly maxConcurrentBatches: number;
  /** Values that may wait for the next batch; who would add more is refused as overloaded. Default 100,000. */
  readonly maxWaiting?: number;
}

/** What one caller asked, or as much of it as a batch may hold. */
interface Waiting<Value, Result> {
  readonly values: readonly Value[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is asked in the same turn of the event loop, or while as many batches as may be are under way, into one
 * call of `run`, which gives as many results as values, in their order. What one caller asks at once stays together, as
 * far as a batch may hold it. What is asked rejects with an OverloadedError where too much waits.
 */
export function createMicroBatch<Value, Result>(
  run: (values: readonly Value[]) => Promise<readonly Result[]>,
  { maxBatchSize, maxConcurrentBatches, maxWaiting = 100_000 }: MicroBatchOptions,
): (values: readonly Value[]) => Promise<readonly Result[]> {
  const waiting: Waiting<Value, Result>[] = [];
  let waitingValues = 0;
  let underWay = 0;
  let scheduled = false;

  function takeBatch(): readonly Waiting<Value, Result>[] {
    let size = 0;
    const end = waiting.findIndex(({ values }) => (size += values.length) > maxBatchSize);
    const batch = waiting.splice(0, end === -1 ? waiting.length : end);
    for (const { values } of batch) waitingValues -= values.length;
    return batch;
  }

  async function runOne(batch: readonly Waiting<Value, Result>[]): Promise<void> {
    try {
      const values = batch.flatMap((one) => one.values);
      const results = await run(values);
      if (results.length !== values.length) throw new Error('a batch gave too few results');
      let from = 0;
      for (const one of batch) one.resolve(results.slice(from, (from += one.values.length)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  function flush(): void {
    scheduled = false;
    while (waiting.length > 0 && underWay < maxConcurrentBatches) {
      underWay += 1;
      void runOne(takeBatch()).then(() => {
        underWay -= 1;
        flush();
      });
    }
  }

  async function ask(values: readonly Value[]): Promise<readonly Result[]> {
    if (waitingValues + values.length > maxWaiting) throw new OverloadedError({ cause: 'too many values wait' });
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result[]>();
    waitingValues += values.length;
    waiting.push({ values, resolve, reject });
    if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
    return promise;
  }

  return async (values) => {
    if (values.length <= maxBatchSize) return ask(values);
    const parts: Promise<readonly Result[]>[] = [];
    for (let at = 0; at < values.length; at += maxBatchSize) parts.push(ask(values.slice(at, at + maxBatchSize)));
    return (await Promise.all(parts)).flat();
  };
}
