/** What a caller may ask for: decisions of single checks, lists, changes of relationships, what operators need. */
export const CALLER_PERMISSIONS = ['check', 'filter', 'write', 'admin'] as const;

export type CallerPermission = (typeof CALLER_PERMISSIONS)[number];

/** What a caller may who is not told apart from others. */
export const COMMON_PERMISSIONS = ['check', 'filter', 'write'] as const satisfies readonly CallerPermission[];

/** The program that asks (the main API, a gateway). Never the principal, whom the answer is about. */
export interface Caller {
  /** From the operator's configuration: a closed set, so that it may be logged and label a counter. */
  readonly name: string;
  readonly permissions: ReadonlySet<CallerPermission>;
}

/** Whoever asks on loopback where no authentication is configured. */
export const LOCAL_CALLER: Caller = { name: 'local', permissions: new Set(COMMON_PERMISSIONS) };

/** Whoever asks on an admin listener on loopback where no authentication is configured. */
export const LOCAL_OPERATOR: Caller = { name: 'local', permissions: new Set(['admin']) };

/** The rule for the names of callers. */
export const CALLER_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** `CALLER_NAME` in words. */
export const CALLER_NAME_RULE = 'must be 1 to 64 of a-z, 0-9 and . _ -, starting and ending with a letter or digit';
