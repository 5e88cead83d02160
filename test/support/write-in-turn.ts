import type { RelationshipWriter } from '../../src/authorize/ports-lifecycle.ts';

/**
 * Makes one write at a time. SpiceDB's in-memory datastore may hide one of two writes that commit at once, acknowledged
 * as it is, until the next write (authzed/spicedb#3212, in 1.54 too); its other datastores do not.
 */
export function writeInTurn(inner: RelationshipWriter): RelationshipWriter {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <Result>(write: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(write);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    touch: async (relationships, context) => inTurn(async () => inner.touch(relationships, context)),
    write: async (change, context) => inTurn(async () => inner.write(change, context)),
    removeAll: async (pattern, conditions, context) =>
      inTurn(async () => inner.removeAll(pattern, conditions, context)),
  };
}
