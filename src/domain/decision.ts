/**
 * What was decided. "Could not tell" is not here: it is an error (see `errors.ts`).
 *
 * `NOT_FOUND` carries nothing, so that an absent resource and a denied one can't differ.
 */
export type Decision =
  | {
      readonly kind: 'ALLOWED';
      /** The task that was checked, if one that exists was. */
      readonly taskId: string | undefined;
      /** The revision (ZedToken) that the answer was read at. */
      readonly checkedAt: string;
    }
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'FORBIDDEN' };

export type DecisionKind = Decision['kind'];

export const NOT_FOUND: Decision = { kind: 'NOT_FOUND' };
export const FORBIDDEN: Decision = { kind: 'FORBIDDEN' };
