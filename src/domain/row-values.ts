import type { PrincipalKind } from './principal.ts';

/**
 * Where a row of a registered type says what registering it writes. Each value is the exact name of a column of the
 * table, or an SQL expression over its row from the operator's own configuration, never from a request.
 */
export interface RowValues {
  /** The first that is not null is the owner. At least one. */
  readonly owner: readonly { readonly kind: PrincipalKind; readonly value: string }[];
  readonly account: string;
  /** Absent: resources are registered without a parent. */
  readonly parent?: string;
  /** A condition; a row for which it does not hold is none. Absent: every row counts. */
  readonly where?: string;
}
