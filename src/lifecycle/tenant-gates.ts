import { LRUCache } from 'lru-cache';
import type { CallContext, Relationship, RelationshipObject } from '../authorize/ports.ts';
import type { RelationshipReader } from '../authorize/ports-lifecycle.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import { toTenantGate } from './register-account.ts';

/** Which accounts' gates are known to be open, so that registering need not look each time. */
export interface TenantGates {
  /** What has to be written for the account's gate to be open; empty if it is. */
  missing(account: string, context: CallContext): Promise<readonly Relationship[]>;
  /** The gate has been written. */
  opened(account: string): void;
}

const MAX_KNOWN_ACCOUNTS = 10_000;
const MINUTE_MS = 60_000;
/** A gate that an operator has closed is looked at again after this. */
const KNOWN_FOR_MS = 10 * MINUTE_MS;

export function createTenantGates({ reader }: { readonly reader: RelationshipReader }): TenantGates {
  const open = new LRUCache<string, true>({ max: MAX_KNOWN_ACCOUNTS, ttl: KNOWN_FOR_MS });
  return {
    async missing(account, context) {
      if (open.has(account)) return [];
      const object: RelationshipObject = { kind: 'tenant', account };
      const gate = toTenantGate(object, account);
      const [first] = gate;
      if (first === undefined) return [];
      const { relationships } = await reader.read({ object, relation: first.relation }, context);
      const kinds = new Set(relationships.map(({ subject }) => subject.type));
      if (!PRINCIPAL_KINDS.every((kind) => kinds.has(kind))) return gate;
      open.set(account, true);
      return [];
    },
    opened: (account) => void open.set(account, true),
  };
}
