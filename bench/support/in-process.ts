import { createDecideCheck } from '../../src/authorize/decide-check.ts';
import { createHoldHidden } from '../../src/authorize/hold-hidden.ts';
import type { CallContext, Clock, DecideCheck } from '../../src/authorize/ports.ts';
import { STOPWATCH } from '../../src/calls/stopwatch.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { BenchStores } from './stores.ts';

const CLOCK: Clock = { nowMs: Date.now };
const TIMEOUT_MS = 10_000;

/** What decides and writes, in this process: for what is compared with one call to SpiceDB, without the hop to us. */
export interface InProcess extends Disposable {
  readonly chain: RelationshipChain;
  readonly decideCheck: DecideCheck;
  readonly config: Config;
}

export function createInProcess({ spiceDb }: BenchStores): InProcess {
  const loaded = loadConfig({ env: {}, readFile: () => '' }, { mode: 'demo' });
  if (loaded.kind === 'invalid') throw new Error('bench: the defaults are no configuration');
  const { config } = loaded;
  const chain = createRelationshipChain({ clock: CLOCK }, { spiceDb, caching: {} });
  const decideCheck = createDecideCheck(
    {
      relationships: chain.relationships,
      parents: { lookup: async () => [] },
      sentinels: { standIn: () => 0 },
      holdHidden: createHoldHidden({ stopwatch: STOPWATCH, clock: CLOCK }),
    },
    { types: config.types, consistencyByOperation: config.consistency, revealReadable: false },
  );
  return { chain, decideCheck, config, [Symbol.dispose]: () => chain.close() };
}

export function createCallContext(): CallContext {
  return { signal: new AbortController().signal, deadlineAtMs: Date.now() + TIMEOUT_MS };
}
