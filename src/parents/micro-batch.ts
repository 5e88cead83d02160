export interface MicroBatchOptions {
  /** Values that one batch may hold. */
  readonly maxBatchSize: number;
  /** Batches that may be under way at once; what is asked meanwhile waits for the next. */
  readonly maxConcurrentBatches: number;
}

interface Waiting<Value, Result> {
  readonly value: Value;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is asked in the same turn of the event loop, or while as many batches as may be are under way, into one
 * call of `run`, which gives as many results as values, in their order.
 */
export function createMicroBatch<Value, Result>(
  run: (values: readonly Value[]) => Promise<readonly Result[]>,
  { maxBatchSize, maxConcurrentBatches }: MicroBatchOptions,
): (value: Value) => Promise<Result> {
  const waiting: Waiting<Value, Result>[] = [];
  let underWay = 0;
  let scheduled = false;

  async function runOne(batch: readonly Waiting<Value, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ value }) => value));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error('a batch gave too few results'));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  function flush(): void {
    scheduled = false;
    while (waiting.length > 0 && underWay < maxConcurrentBatches) {
      underWay += 1;
      void runOne(waiting.splice(0, maxBatchSize)).then(() => {
        underWay -= 1;
        flush();
      });
    }
  }

  return async (value) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    waiting.push({ value, resolve, reject });
    if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
    return promise;
  };
}
