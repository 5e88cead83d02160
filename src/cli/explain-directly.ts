import { once } from 'node:events';
import { createExplainDecision } from '../authorize/explain-decision.ts';
import type { Clock } from '../authorize/ports.ts';
import type { RolloutObserver } from '../authorize/ports-rollout.ts';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import type { ExplainDecisionResponse } from '../gen/taskgate/admin/v1/admin_pb.js';
import { createParentChain } from '../parents/parent-chain.ts';
import type { RedisClient } from '../parents/redis-client.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import { fromExplanation } from '../rpc/convert-explanation.ts';
import { openRollout } from '../rollout/open-rollout.ts';
import { toIsBypassed, toParentOptions, toRolloutOptions } from '../server-options.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { CommandDeps } from './config.ts';
import { ExplainFault } from './explain-fault.ts';
import type { ExplainOptions } from './explain-options.ts';
import { openStores } from './open-stores.ts';

const CLOCK: Clock = { nowMs: Date.now };
const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1_000;
const SILENT_ROLLOUT: RolloutObserver = {
  answered: () => undefined,
  compared: () => undefined,
  dropped: () => undefined,
  writeSkipped: () => undefined,
  flagFaulted: () => undefined,
  flagRecovered: () => undefined,
};

/**
 * Explains with the configured stores, without a server: what is only in a server's memory is not seen.
 *
 * @throws ExplainFault if the configuration is wrong.
 * @throws TaskgateError
 */
export async function explainDirectly(
  deps: CommandDeps,
  subject: ExplainOptions['subject'],
): Promise<ExplainDecisionResponse> {
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid')
    throw new ExplainFault(`the configuration is wrong\n${formatProblems(loaded.problems)}`);
  const { config } = loaded;
  const logger = createLogger({ level: 'silent', format: 'json' }, { write: () => undefined });
  await using stores = openStores(config, { logger });
  if (stores.redis !== undefined) await waitUntilConnected(stores.redis);
  const parents = createParentChain(
    {
      clock: CLOCK,
      sql: stores.sql,
      ...(stores.redis === undefined ? {} : { redis: stores.redis }),
      observer: { counted: () => undefined, faulted: () => undefined },
    },
    { ...toParentOptions(config), memoryMaxEntries: 'off' },
  );
  const relationships = createRelationshipChain({ clock: CLOCK }, { spiceDb: stores.spiceDb });
  try {
    await using rollout = await openRollout({ clock: CLOCK, observer: SILENT_ROLLOUT }, toRolloutOptions(config));
    const explain = createExplainDecision(
      {
        parents: parents.inspector,
        tracer: relationships.tracer,
        reader: relationships.reader,
        gates: rollout.gates,
        recent: { find: () => undefined },
      },
      {
        types: config.types,
        consistencyByOperation: config.consistency,
        revealReadable: config.denials.revealReadable,
        offAnswer: config.rollout.offAnswer,
        isBypassed: toIsBypassed(config),
      },
    );
    const bounds = { signal: AbortSignal.timeout(TIMEOUT_MS), deadlineAtMs: CLOCK.nowMs() + TIMEOUT_MS };
    return fromExplanation(await explain(subject, bounds));
  } finally {
    relationships.close();
  }
}

/** A client that is not connected yet would be taken for a Redis that does not answer. */
async function waitUntilConnected(redis: RedisClient): Promise<void> {
  if (redis.status === 'ready') return;
  await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) }).catch(() => undefined);
}
