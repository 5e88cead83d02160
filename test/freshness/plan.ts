import { createUniform } from '../support/random.ts';

/** Through whom a change is made. */
export const PATHS = ['a', 'b', 'spicedb'] as const;
export type Path = (typeof PATHS)[number];

/** What one round does. */
export interface RoundPlan {
  readonly round: number;
  readonly grantedThrough: Path;
  readonly revokedThrough: Path;
  /** The viewer loses its role, or the task is deregistered. */
  readonly revocation: 'revoke' | 'deregister';
  /** What is asked about: the task, or a message that hangs off it. */
  readonly asked: 'task' | 'message';
  /**
   * After the revocation, checks ask for its ZedToken. They are told apart from those that do not: an answer that was
   * fresh because it was asked to be would be kept, and hide what a check without a token is told.
   */
  readonly asksForToken: boolean;
  /** Milliseconds for which the role is held and both sidecars asked, before it is revoked. */
  readonly heldMs: number;
}

const MAX_HELD_MS = 200;
const SHARE_WITH_TOKEN = 0.3;

/** The same plans for the same seed. */
export function createPlans(rounds: number, seed: number): readonly RoundPlan[] {
  const random = createUniform(seed);
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];
  return Array.from({ length: rounds }, (_, round) => ({
    round,
    grantedThrough: pick(PATHS),
    revokedThrough: pick(PATHS),
    revocation: pick(['revoke', 'revoke', 'deregister']),
    asked: pick(['task', 'message']),
    asksForToken: random() < SHARE_WITH_TOKEN,
    heldMs: random() * MAX_HELD_MS,
  }));
}
