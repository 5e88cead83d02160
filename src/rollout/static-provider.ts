import type { EvaluationContext, Provider, ResolutionDetails } from '@openfeature/server-sdk';
import { FlagNotFoundError, TypeMismatchError } from '@openfeature/server-sdk';
import type { DualWrite, Enforcement } from '../domain/rollout.ts';
import { toDualWriteFlag, toEnforcementFlag } from './flag-keys.ts';

/** The two flags of one type, where they are set. */
export interface FlagValues {
  readonly enforcement?: Enforcement;
  readonly dualWrite?: DualWrite;
}

/** Flags as configuration says them: the account's own for the type, the account's, the type's, the default. */
export interface StaticFlags {
  readonly default: Required<FlagValues>;
  readonly types: ReadonlyMap<string, FlagValues>;
  readonly accounts: ReadonlyMap<string, FlagValues & { readonly types: ReadonlyMap<string, FlagValues> }>;
}

/** An OpenFeature provider whose flags are the configuration's. There are those of the types and no others. */
export function createStaticProvider(flags: StaticFlags, types: Iterable<string>): Provider {
  const enforcements = new Map<string, string>();
  const dualWrites = new Map<string, string>();
  for (const type of types) {
    enforcements.set(toEnforcementFlag(type), type);
    dualWrites.set(toDualWriteFlag(type), type);
  }
  const mismatch = async (): Promise<never> => {
    throw new TypeMismatchError('the flags are texts and booleans');
  };
  return {
    metadata: { name: 'configuration' },
    runsOn: 'server',
    async resolveStringEvaluation(flag, _default, context) {
      const type = enforcements.get(flag);
      if (type === undefined) throw new FlagNotFoundError('no such flag');
      return resolve(
        candidatesOf(flags, type, context).find((values) => values?.enforcement)?.enforcement ??
          flags.default.enforcement,
      );
    },
    async resolveBooleanEvaluation(flag, _default, context) {
      const type = dualWrites.get(flag);
      if (type === undefined) throw new FlagNotFoundError('no such flag');
      return resolve(
        (candidatesOf(flags, type, context).find((values) => values?.dualWrite)?.dualWrite ??
          flags.default.dualWrite) === 'on',
      );
    },
    resolveNumberEvaluation: mismatch,
    resolveObjectEvaluation: mismatch,
  };
}

/** True if everybody is enforced, whatever the type. */
export function isAllEnforced(flags: StaticFlags): boolean {
  const isEnforced = ({ enforcement = 'enforce' }: FlagValues): boolean => enforcement === 'enforce';
  const accounts = [...flags.accounts.values()];
  return (
    isEnforced(flags.default) &&
    [...flags.types.values(), ...accounts].every(isEnforced) &&
    accounts.every(({ types }) => [...types.values()].every(isEnforced))
  );
}

/** What is said of the type in the account, from the nearest to the farthest. */
function candidatesOf(
  flags: StaticFlags,
  type: string,
  { targetingKey }: EvaluationContext,
): readonly (FlagValues | undefined)[] {
  const account = targetingKey === undefined ? undefined : flags.accounts.get(targetingKey);
  return [account?.types.get(type), account, flags.types.get(type)];
}

function resolve<Value>(value: Value): ResolutionDetails<Value> {
  return { value, reason: 'STATIC' };
}
