import type { Principal } from '../domain/principal.ts';
import type { Difference, DualWrite, Enforcement } from '../domain/rollout.ts';

/*
 * How a type is rolled out account by account. The type is the one that is asked about: a message and its task are two.
 */

/**
 * Tells how far the account of a principal is. At once if it is known; a promise never rejects and is bounded in time:
 * where the flags can't be told, the configured safe default is the answer.
 */
export interface RolloutGates {
  enforcement(type: string, principal: Principal): Enforcement | Promise<Enforcement>;
  dualWrite(type: string, principal: Principal): DualWrite | Promise<DualWrite>;
  /** True where `enforcement` is `enforce` for everybody and everything, for as long as the process runs. */
  readonly enforcesAll: boolean;
}

/** Why a flag has its safe default: a closed set. */
export type FlagFault = 'timeout' | 'failed' | 'not_found' | 'disabled' | 'unknown_variant' | 'overloaded';

/** Whose answer took the place of a decision. */
export type AnsweredBy = 'legacy' | 'unenforced' | 'bypassed';

/** Why a write was answered and not made. */
export type SkippedWrite = 'dual_write_off' | 'refused';

/** Told what the rollout does. Never throws and never waits. `type` is a configured one. */
export interface RolloutObserver {
  /** So many answers were given without asking anybody. */
  answered(type: string, enforcement: Enforcement, by: AnsweredBy, count: number): void;
  /** What was decided in shadow was compared with what was answered. */
  compared(type: string, difference: Difference): void;
  /** So many decisions in shadow were not made, because there was too much else to do. */
  dropped(count: number): void;
  writeSkipped(type: string, why: SkippedWrite): void;
  /** A flag could not be told. `cause` is what was thrown, for the log. */
  flagFaulted(flag: string, fault: FlagFault, cause?: unknown): void;
  /** The flag can be told again. */
  flagRecovered(flag: string): void;
}
