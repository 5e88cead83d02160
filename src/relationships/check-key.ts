import type { RelationshipCheck, RelationshipObject } from '../authorize/ports.ts';
import type { Consistency } from '../domain/consistency.ts';

/** Two checks have the same key exactly when they are the same question, whatever they were asked as. */
export function checkKey({ object, permission, principal }: RelationshipCheck): string {
  const { kind, id, account } = principal;
  return `${objectKey(object)}${part(permission)}${part(kind)}${part(id)}${part(account)}`;
}

/**
 * As `checkKey`, but two checks that were asked as something else have different keys, and what is absent has the same one
 * whichever sentinel stands in for it.
 */
export function askedKey({ askedAs, ...check }: RelationshipCheck & { readonly askedAs: string }): string {
  const { object } = check;
  const known = object.kind === 'sentinel' ? { ...check, object: { ...object, index: 0 } } : check;
  return `${checkKey(known)}${part(askedAs)}`;
}

/** True if the check came about by a lookup. */
export function isAskedAs(check: RelationshipCheck): check is RelationshipCheck & { readonly askedAs: string } {
  return check.askedAs !== undefined;
}

/** The key of all that `objectIdOf` leaves out: two checks with the same of both are the same question. */
export function kindKey({ object, permission, principal, isHeld = false }: RelationshipCheck): string {
  const type = object.kind === 'tenant' ? ['tenant'] : [isHeld ? 'held' : 'told', object.type];
  return joinParts([...type, permission, principal.kind, principal.id, principal.account]);
}

/** Which object of its kind: a number for a sentinel, so that it is no id of a resource. */
export function objectIdOf({ object }: RelationshipCheck): string | number {
  switch (object.kind) {
    case 'resource':
      return object.id;
    case 'tenant':
      return object.account;
    case 'sentinel':
      return object.index;
    default:
      return object satisfies never;
  }
}

/**
 * True only if the two have the same `kindKey`: cheap, for neighbours in a list, which share more than they say. What is
 * absent is no different: it would take longer.
 */
export function isAlike(a: RelationshipCheck, b: RelationshipCheck): boolean {
  return (
    a.principal === b.principal &&
    a.permission === b.permission &&
    a.isHeld === b.isHeld &&
    a.object.kind !== 'tenant' &&
    b.object.kind !== 'tenant' &&
    a.object.type === b.object.type
  );
}

/** Two consistencies have the same key exactly when one read can serve both. */
export function consistencyKey(consistency: Consistency): string {
  return joinParts([consistency.kind, consistency.kind === 'at_least_as_fresh' ? consistency.token : '']);
}

/** Writes each part behind its length, so that no part can pose as two. */
export function joinParts(parts: readonly string[]): string {
  let joined = '';
  for (const part of parts) joined += `${part.length}:${part}`;
  return joined;
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
