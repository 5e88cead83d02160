import type { Principal } from '../domain/principal.ts';

/** What the headers are called by which the application learns on whose behalf a request that was allowed is made. */
export interface IdentityHeaderNames {
  /** `user`, `service_account` or `agent`. */
  readonly principalKind: string;
  readonly principalId: string;
  readonly accountId: string;
  /** The task that was checked, where there is one. */
  readonly taskId: string;
}

export const DEFAULT_IDENTITY_HEADERS: IdentityHeaderNames = {
  principalKind: 'x-taskgate-principal-kind',
  principalId: 'x-taskgate-principal-id',
  accountId: 'x-taskgate-account-id',
  taskId: 'x-taskgate-task-id',
};

/**
 * Name and value of one header. An empty value says that there is nothing to say: the gateway must then remove what the
 * client sent under this name, or overwrite it with nothing.
 */
export type IdentityHeader = readonly [name: string, value: string];

/** Whom a request was allowed to, as the port of gateways says it. */
export interface AllowedIdentity {
  /** Undefined where everybody is allowed. */
  readonly principal: Principal | undefined;
  readonly taskId?: string;
}

/**
 * Always all of the headers, in the same order: one that is left out would let a copy through that the client made up.
 */
export function createIdentityHeaders(
  names: IdentityHeaderNames,
): (allowed: AllowedIdentity) => readonly IdentityHeader[] {
  return ({ principal, taskId }) => [
    [names.principalKind, principal?.kind ?? ''],
    [names.principalId, escapeHeaderValue(principal?.id ?? '')],
    [names.accountId, escapeHeaderValue(principal?.account ?? '')],
    [names.taskId, escapeHeaderValue(taskId ?? '')],
  ];
}

/** Visible ASCII without what is escaped (`%`), and without what separates the values of a list (`,`). */
const PLAIN_VALUE = /^[!-$&-+\--~]*$/;
/** `encodeURIComponent` leaves nothing of it as it is. */
const NOT_PLAIN = /[^!-$&-+\--~]+/gu;

/**
 * A value that any gateway passes on unchanged: what is not visible ASCII, and `%` and `,`, as UTF-8 in percent-encoding.
 * `decodeURIComponent` gives the value back, so no two values become one. What is not well-formed Unicode is no id.
 */
export function escapeHeaderValue(value: string): string {
  return PLAIN_VALUE.test(value) ? value : value.replaceAll(NOT_PLAIN, encodeURIComponent);
}
