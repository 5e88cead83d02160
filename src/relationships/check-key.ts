import type { RelationshipCheck, RelationshipObject } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';

/** Two checks have the same key exactly when they are the same question. */
export function checkKey({ object, permission, principal }: RelationshipCheck): string {
  return joinParts([...objectParts(object), permission, principal.kind, principal.id, principal.account]);
}

/** Two consistencies have the same key exactly when one read can serve both. */
export function consistencyKey(consistency: Consistency): string {
  return joinParts([consistency.kind, consistency.kind === 'at_least_as_fresh' ? consistency.token : '']);
}

/** Writes each part behind its length, so that no part can pose as two. */
export function joinParts(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('');
}

function objectParts(object: RelationshipObject): [kind: string, type: string, id: string] {
  switch (object.kind) {
    case 'resource':
      return [object.kind, object.type, object.id];
    case 'tenant':
      return [object.kind, '', object.account];
    case 'sentinel':
      return [object.kind, object.type, String(object.index)];
    default:
      return object satisfies never;
  }
}
