import type { Principal } from '../domain/principal.ts';
import type { Enforcement, LegacyAnswer } from '../domain/rollout.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { RolloutGates } from './ports-rollout.ts';

/** What the rollout makes of a question. */
export interface ExplainedRollout {
  readonly enforcement: Enforcement;
  /** Everything is allowed to the principal where it is enforced. */
  readonly isBypassed: boolean;
  /** The answer of an account that is not enforced, where the request brings none. */
  readonly offAnswer: LegacyAnswer;
}

export interface RolloutSource {
  readonly gates: Pick<RolloutGates, 'enforcement'>;
  readonly types: TypeModel;
  readonly offAnswer: LegacyAnswer;
  readonly isBypassed: ((principal: Principal) => boolean) | undefined;
}

export async function readRollout(
  { gates, types, offAnswer, isBypassed }: RolloutSource,
  type: string,
  principal: Principal,
): Promise<ExplainedRollout> {
  const enforcement = types.has(type) ? await gates.enforcement(type, principal) : 'enforce';
  return { enforcement, isBypassed: isBypassed?.(principal) === true, offAnswer };
}

/** Says in a sentence what callers are told instead of what was decided; undefined if it is what they are told. */
export function describeRollout(
  { enforcement, isBypassed, offAnswer }: ExplainedRollout,
  type: string,
  { kind, id, account }: Principal,
): string | undefined {
  if (enforcement === 'enforce') {
    return isBypassed ? `${kind}:${id} is in rollout.bypass: it is told ALLOWED, whatever this says` : undefined;
  }
  const state = enforcement === 'shadow' ? 'in shadow' : 'off';
  const without = offAnswer === 'allow' ? 'ALLOWED' : 'a denial';
  return `the account ${account} is ${state} for ${type} (rollout): callers are told their legacy answer, or ${without} without one, and not this`;
}

/** For the list of what is turned on. */
export function toRolloutFlags({ enforcement, isBypassed }: ExplainedRollout): readonly string[] {
  return [
    ...(enforcement === 'enforce' ? [] : [`rollout.enforcement=${enforcement}`]),
    ...(isBypassed ? ['rollout.bypass'] : []),
  ];
}
