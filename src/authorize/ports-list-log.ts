import type { Consistency } from '../domain/consistency.ts';
import type { Enforcement } from '../domain/rollout.ts';
import type { AskedBy } from './ports.ts';

/** What makes lists: a closed set. */
export type ListMethod = 'filter' | 'list' | 'search_resources' | 'search_subjects';

/** What else bore on a list, in words of a closed set. */
export type ListFlag =
  /** Of the question; the usual one is not said. */
  | Exclude<Consistency['kind'], 'minimize_latency'>
  /** How far the account is with a type, where nobody had to be asked for it. */
  | `enforcement=${Enforcement}`
  | 'bypass'
  /** All there are, without a list of them. */
  | 'unscoped'
  /** It goes on where an earlier page ended; it can be gone on with; whoever took it left before it was complete. */
  | 'continued'
  | 'more'
  | 'stopped'
  /** Everybody, beside those that are listed. */
  | 'everyone';

/** What is known of one list, for the log. It has no id but the principal's: what is hidden is never named. */
export interface ListRecord extends AskedBy {
  readonly method: ListMethod;
  /** Whose list it is. Subjects that are searched have a kind alone. */
  readonly principal: { readonly kind: string; readonly id?: string; readonly account?: string };
  /** What was asked about, each once. A type that is not known is `unknown`. */
  readonly types: readonly string[];
  /** An operation, or a permission where the schema was asked. */
  readonly operation: string;
  readonly outcome: 'LISTED' | 'ERROR';
  /** `decided`; `unenforced` or `bypassed` where nobody was asked; or the error's class. */
  readonly reason: string;
  /** How many the caller named, if it named any. */
  readonly asked?: number;
  /** How many of them were given to the caller: of a list that breaks, those that came before. */
  readonly listed?: number;
  /** The revision (ZedToken) that all of it was read at, where there is one. */
  readonly revision?: string | undefined;
  readonly flags: readonly ListFlag[];
}

export interface ListLog {
  /** Never throws and never waits. */
  record(record: ListRecord): void;
}
