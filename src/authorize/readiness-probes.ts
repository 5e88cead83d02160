import type { MappedPermission } from '../domain/mapped-permissions.ts';
import type { CallContext, SchemaCheck } from './ports.ts';
import type { Probe } from './watch-readiness.ts';

export interface ReadinessDeps {
  /** Says what is wrong with the database as the configuration needs it, or undefined. */
  readonly databaseProblem: (context: CallContext) => Promise<string | undefined>;
  readonly schemaCheck: SchemaCheck;
  /** Registers the stand-ins for absent resources, or finds them registered. */
  readonly registerSentinels: (context: CallContext) => Promise<unknown>;
  /** Absent without Redis. */
  readonly pingRedis?: () => Promise<unknown>;
  /** Says which flags have their safe default because they can't be told. */
  readonly flagsProblem?: () => string | undefined;
}

/**
 * Ready means: the database and SpiceDB answer and hold what the configuration maps. Redis only saves time, and sentinels
 * that can't be written (a read-only token) leave the decisions right: without either the service is degraded, and ready.
 */
export function createReadinessProbes(deps: ReadinessDeps, mapped: readonly MappedPermission[]): readonly Probe[] {
  const { databaseProblem, schemaCheck, registerSentinels, pingRedis, flagsProblem } = deps;
  let hasSentinels = false;
  const optional: Probe[] = [
    {
      name: 'sentinels',
      required: false,
      async problem(context) {
        if (!hasSentinels) await registerSentinels(context);
        hasSentinels = true;
        return undefined;
      },
    },
  ];
  if (pingRedis !== undefined) {
    optional.push({
      name: 'redis',
      required: false,
      async problem() {
        await pingRedis();
        return undefined;
      },
    });
  }
  if (flagsProblem !== undefined) {
    optional.push({ name: 'flags', required: false, problem: async () => flagsProblem() });
  }
  return [
    { name: 'database', required: true, problem: databaseProblem },
    { name: 'spicedb', required: true, problem: async (context) => schemaProblem(schemaCheck, mapped, context) },
    ...optional,
  ];
}

async function schemaProblem(
  schemaCheck: SchemaCheck,
  mapped: readonly MappedPermission[],
  context: CallContext,
): Promise<string | undefined> {
  const missing = await schemaCheck.missingPermissions(mapped, context);
  if (missing.length === 0) return undefined;
  return `the schema lacks ${missing.map(({ definition, permission }) => `${definition}#${permission}`).join(', ')}`;
}
