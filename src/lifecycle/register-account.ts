import type { CallContext, Relationship, RelationshipObject } from '../authorize/ports.ts';
import type { RelationshipWriter } from '../authorize/ports-lifecycle.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';

const DEFAULT_MEMBER_RELATION = 'member';

/**
 * Opens the tenant gate of an account: from then on its principals may create there and use what is registered in it.
 * Doing it again changes nothing.
 *
 * @returns the revision (ZedToken) that it was written at.
 * @throws TaskgateError when it is not known whether it was written; do it again.
 */
export async function registerAccount(
  { writer }: { readonly writer: Pick<RelationshipWriter, 'touch'> },
  account: string,
  context: CallContext,
): Promise<string> {
  return writer.touch(toTenantGate({ kind: 'tenant', account }, account), context);
}

/** The relationships of a tenant to the principals of an account: one caveated wildcard for each kind. */
export function toTenantGate(
  tenant: RelationshipObject,
  account: string,
  memberRelation = DEFAULT_MEMBER_RELATION,
): readonly Relationship[] {
  return PRINCIPAL_KINDS.map((principalKind) => ({
    object: tenant,
    relation: memberRelation,
    subject: { kind: 'account_members', principalKind, account },
  }));
}
