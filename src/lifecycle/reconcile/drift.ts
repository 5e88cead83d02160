/**
 * How relationships and rows differ.
 * - `orphan`: relationships of a resource, as object or as subject, whose row is gone. Removed.
 * - `unregistered`: a row that has no relationships. Registered.
 * - `mismatched`: a row that is registered, but not in its account. Only reported: which of the two is right is not known.
 * - `incomplete`: a row that nobody registered, and that does not say to whom it belongs. Only reported.
 * - `unusable`: a row whose ids can't be those of a resource or a principal. Only reported.
 */
export const DRIFT_KINDS = ['orphan', 'unregistered', 'mismatched', 'incomplete', 'unusable'] as const;

export type DriftKind = (typeof DRIFT_KINDS)[number];

/** One difference. */
export interface DriftItem {
  readonly kind: DriftKind;
  readonly id: string;
  /** What is wrong, where the kind does not say it. */
  readonly detail?: string | undefined;
}
