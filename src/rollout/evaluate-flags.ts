import type { Client, EvaluationContext, EvaluationDetails, JsonValue } from '@openfeature/server-sdk';
import { ErrorCode, StandardResolutionReasons } from '@openfeature/server-sdk';
import type { Principal } from '../domain/principal.ts';
import type { DualWrite, Enforcement } from '../domain/rollout.ts';
import { DUAL_WRITES, ENFORCEMENTS } from '../domain/rollout.ts';
import { FlagError } from './flag-error.ts';
import type { EvaluateFlag } from './kept-flags.ts';

/** Neither flag has this value: it is what an evaluation without an answer has. */
const NOTHING = '';

/** @throws FlagError if the flag could not be evaluated, or is not one of the three words. */
export function evaluateEnforcement(client: Client): EvaluateFlag<Enforcement> {
  return async (flag, type, principal) => {
    const details = await client.getStringDetails(flag, NOTHING, toContext(type, principal));
    return oneOf(ENFORCEMENTS, valueOf(details));
  };
}

/** A boolean, or a text. @throws FlagError if the flag could not be evaluated, or is neither. */
export function evaluateDualWrite(client: Client): EvaluateFlag<DualWrite> {
  return async (flag, type, principal) => {
    const context = toContext(type, principal);
    const details = await client.getBooleanDetails(flag, false, context);
    if (details.errorCode === ErrorCode.TYPE_MISMATCH) {
      return oneOf(DUAL_WRITES, valueOf(await client.getStringDetails(flag, NOTHING, context)));
    }
    const value = valueOf(details);
    return typeof value === 'boolean' ? (value ? 'on' : 'off') : oneOf(DUAL_WRITES, value);
  };
}

/** Rollouts by share go by account: all of an account is on one side. */
function toContext(type: string, { kind, account }: Principal): EvaluationContext {
  return { targetingKey: account, account, type, principal_kind: kind };
}

/** Untyped: a provider may return what it likes. */
function valueOf({ value, reason, errorCode, errorMessage }: EvaluationDetails<JsonValue>): unknown {
  // From 0.16 on flagd says that it succeeded: the value is nobody's word.
  if (reason === StandardResolutionReasons.DISABLED) throw new FlagError('disabled');
  if (errorCode === undefined) return value;
  const fault = errorCode === ErrorCode.FLAG_NOT_FOUND ? 'not_found' : 'failed';
  throw new FlagError(fault, { cause: new Error(`${errorCode}: ${errorMessage ?? ''}`) });
}

function oneOf<Value extends string>(values: readonly Value[], value: unknown): Value {
  const known = values.find((candidate) => candidate === value);
  if (known === undefined) throw new FlagError('unknown_variant');
  return known;
}
