import { afterAll, beforeAll } from 'vitest';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { loadSchema, SYSTEM_CLOCK } from './spicedb.ts';

/** The relationships of an embedded SpiceDB with the shipped schema and nothing in it, for the tests of this block. */
export function useEmbeddedChain(): () => RelationshipChain {
  let chain: RelationshipChain | undefined;
  let closeEngine: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    const engine = await startEmbeddedSpiceDb({ schema: loadSchema() });
    closeEngine = async () => engine.close();
    const spiceDb = { endpoint: engine.endpoint, timeoutMs: 5_000 };
    chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb });
  });
  afterAll(async () => {
    chain?.close();
    await closeEngine();
  });
  return () => {
    if (chain === undefined) throw new Error('the engine has not started');
    return chain;
  };
}
