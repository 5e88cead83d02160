import type { RelationshipCheck, RelationshipObject } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';

/** Two checks have the same key exactly when they are the same question. */
export function checkKey({ object, permission, principal }: RelationshipCheck): string {
  const { kind, id, account } = principal;
  return `${objectKey(object)}${part(permission)}${part(kind)}${part(id)}${part(account)}`;
}

/** Two consistencies have the same key exactly when one read can serve both. */
export function consistencyKey(consistency: Consistency): string {
  return joinParts([consistency.kind, consistency.kind === 'at_least_as_fresh' ? consistency.token : '']);
}

/** Writes each part behind its length, so that no part can pose as two. */
export function joinParts(parts: readonly string[]): string {
  return parts.map(part).join('');
}

function part(text: string): string {
  return `${text.length}:${text}`;
}

function objectKey(object: RelationshipObject): string {
  switch (object.kind) {
    case 'resource':
      return `8:resource${part(object.type)}${part(object.id)}`;
    case 'tenant':
      return `6:tenant0:${part(object.account)}`;
    case 'sentinel':
      return `8:sentinel${part(object.type)}${part(String(object.index))}`;
    default:
      return object satisfies never;
  }
}
