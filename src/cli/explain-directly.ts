import { createExplainDecision } from '../authorize/explain-decision.ts';
import type { Clock } from '../authorize/ports.ts';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import type { ExplainDecisionResponse } from '../gen/taskgate/admin/v1/admin_pb.js';
import { createParentChain } from '../parents/parent-chain.ts';
import { createRelationshipChain } from '../relationships/relationship-chain.ts';
import { fromExplanation } from '../rpc/convert-explanation.ts';
import { toParentOptions } from '../server-options.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { CommandDeps } from './config.ts';
import { ExplainFault } from './explain-fault.ts';
import type { ExplainOptions } from './explain-options.ts';
import { openStores } from './open-stores.ts';

const CLOCK: Clock = { nowMs: Date.now };
const TIMEOUT_MS = 10_000;

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
    const explain = createExplainDecision(
      { parents: parents.inspector, tracer: relationships.tracer, recent: { find: () => undefined } },
      {
        types: config.types,
        consistencyByOperation: config.consistency,
        revealReadable: config.denials.revealReadable,
      },
    );
    const bounds = { signal: AbortSignal.timeout(TIMEOUT_MS), deadlineAtMs: CLOCK.nowMs() + TIMEOUT_MS };
    return fromExplanation(await explain(subject, bounds));
  } finally {
    relationships.close();
  }
}
