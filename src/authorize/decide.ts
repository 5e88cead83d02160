import type { Evidence, Outcome } from '../domain/decision.ts';
import { FORBIDDEN, NOT_FOUND } from '../domain/decision.ts';
import type { RelationshipResult } from './ports.ts';

/** What the relationships said about one check, all at one revision. */
export interface Findings {
  readonly checkedAt: string;
  readonly evidence?: Evidence | undefined;
  /** The permission on the object (or on its sentinel, when `object` is absent). */
  readonly permission: RelationshipResult;
  /** Whether the object was found, and what an allowed answer may name. */
  readonly object:
    { readonly kind: 'present'; readonly type: string; readonly id: string } | { readonly kind: 'absent' };
  /** May the principal read the object; asked only where the deployment reveals it. */
  readonly read: RelationshipResult | undefined;
  /** May the principal create in its tenant; asked only with `create_if_absent`. */
  readonly create: RelationshipResult | undefined;
}

/** The one place where a decision about an object is made: allowed, or hidden, or (where revealed) forbidden. */
export function decideOnObject(findings: Findings): Outcome {
  const { permission, object, read, create, checkedAt, evidence } = findings;
  if (permission.kind === 'failed') return permission;
  if (read?.kind === 'failed') return read;
  if (create?.kind === 'failed') return create;
  if (object.kind === 'absent') {
    // Not FORBIDDEN when create is denied: next to NOT_FOUND for a denied name, that would tell that this one is free.
    return create?.kind === 'held'
      ? { kind: 'decided', decision: { kind: 'ALLOWED', object: undefined, checkedAt }, reason: 'created', evidence }
      : { kind: 'decided', decision: NOT_FOUND, reason: 'absent', evidence };
  }
  if (permission.kind === 'held') {
    const { type, id } = object;
    return {
      kind: 'decided',
      decision: { kind: 'ALLOWED', object: { type, id }, checkedAt },
      reason: 'held',
      evidence,
    };
  }
  return { kind: 'decided', decision: read?.kind === 'held' ? FORBIDDEN : NOT_FOUND, reason: 'denied', evidence };
}

/** Creating in the tenant: there is no existence to hide, so a denial is said openly. */
export function decideOnTenant(permission: RelationshipResult, checkedAt: string, evidence?: Evidence): Outcome {
  switch (permission.kind) {
    case 'held':
      return { kind: 'decided', decision: { kind: 'ALLOWED', object: undefined, checkedAt }, reason: 'held', evidence };
    case 'denied':
      return { kind: 'decided', decision: FORBIDDEN, reason: 'denied', evidence };
    case 'failed':
      return permission;
    default:
      return permission satisfies never;
  }
}
