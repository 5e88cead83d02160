/**
 * Tells whether what is decided in an account is held to. Where it is not, everything is allowed to whoever is proved to
 * be of the account, and nothing is written.
 */
export type IsEnforced = (account: string) => boolean;
