/** The kinds of principal that an answer can be about. */
export const PRINCIPAL_KINDS = ['user', 'service_account', 'agent'] as const;

export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/** Whom an answer is about, acting in one account. Never the caller of the service. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly id: string;
  /** The account (tenant) that the principal acts in. */
  readonly account: string;
}
