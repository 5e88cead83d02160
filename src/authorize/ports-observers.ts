import type { Consistency } from '../domain/consistency.ts';

/** Told what the relationships' layers do. Never throws and never waits. */
export interface RelationshipObserver {
  /**
   * So many answers were known (`hit`), had to be asked for (`miss`), or could not be known since changes are not
   * followed (`off`).
   */
  answered(outcome: 'hit' | 'miss' | 'off', count: number): void;
  /** So many answers are kept. */
  kept(entries: number): void;
  /** A batch is sent: the checks of so many calls, of which so many are items of their own. */
  batched(batch: { readonly calls: number; readonly checks: number; readonly items: number }): void;
  /** A call goes past the decision cache, with what it asked for and what it gets after the floors. */
  asked(asked: Consistency['kind'], floored: Consistency['kind']): void;
  /** From here on changes are followed, or may be missed. */
  followed(state: 'followed' | 'lost'): void;
  /** Watch told of a change. */
  changed(): void;
  /** Watch told of a write of our own, so many milliseconds after it was acknowledged. */
  ownWriteTold(lagMs: number): void;
}

/** How well changes are followed, at one moment. */
export interface ChangeFigures {
  readonly isFollowing: boolean;
  /** Milliseconds since SpiceDB last said that nothing is missing, by a change or by its latest revision. */
  readonly silentForMs: number;
  /** Objects whose last change is remembered. */
  readonly changedObjects: number;
}

export const NO_RELATIONSHIP_OBSERVER: RelationshipObserver = {
  answered: () => undefined,
  kept: () => undefined,
  batched: () => undefined,
  asked: () => undefined,
  followed: () => undefined,
  changed: () => undefined,
  ownWriteTold: () => undefined,
};
