import { describe, expect, it } from 'vitest';
import type { Findings } from '../../src/authorize/decide.ts';
import { decideOnObject, decideOnTenant } from '../../src/authorize/decide.ts';
import type { RelationshipResult } from '../../src/authorize/ports.ts';
import { UnavailableError } from '../../src/domain/errors.ts';

const held: RelationshipResult = { kind: 'held' };
const denied: RelationshipResult = { kind: 'denied' };
const failed: RelationshipResult = { kind: 'failed', error: new UnavailableError('spicedb') };
const present: Findings['object'] = { kind: 'present', type: 'task', id: 'task-1' };
const absent: Findings['object'] = { kind: 'absent' };

/** What decideOnObject must say for every combination: a fault anywhere is a fault, an absent object is never allowed. */
function expectedOf({ permission, read, create, object }: Findings): string {
  if ([permission, read, create].some((result) => result?.kind === 'failed')) return 'failed';
  if (object.kind === 'absent') return create?.kind === 'held' ? 'ALLOWED' : 'NOT_FOUND';
  if (permission.kind === 'held') return 'ALLOWED';
  return read?.kind === 'held' ? 'FORBIDDEN' : 'NOT_FOUND';
}

const combinations: readonly Findings[] = [held, denied, failed].flatMap((permission) =>
  [held, denied, failed, undefined].flatMap((read) =>
    [held, denied, failed, undefined].flatMap((create) =>
      [present, absent].map((object) => ({ checkedAt: 'token', permission, read, create, object })),
    ),
  ),
);

describe('decideOnObject', () => {
  it.each(combinations)('$permission.kind, read $read.kind, create $create.kind, $object.kind', (findings) => {
    const outcome = decideOnObject(findings);
    expect(outcome.kind === 'failed' ? 'failed' : outcome.decision.kind).toBe(expectedOf(findings));
  });

  it('names the task and the revision with ALLOWED only', () => {
    const findings = { checkedAt: 'token', read: undefined, create: undefined, object: present };
    expect(decideOnObject({ ...findings, permission: held })).toMatchObject({
      decision: { kind: 'ALLOWED', object: { type: 'task', id: 'task-1' }, checkedAt: 'token' },
    });
    const hidden = decideOnObject({ ...findings, permission: denied });
    expect(hidden.kind === 'decided' && hidden.decision).toStrictEqual({ kind: 'NOT_FOUND' });
  });
});

describe('decideOnTenant', () => {
  it('says a denial openly and a fault as a fault', () => {
    expect(decideOnTenant(held, 'token')).toMatchObject({ decision: { kind: 'ALLOWED', object: undefined } });
    expect(decideOnTenant(denied, 'token')).toMatchObject({ decision: { kind: 'FORBIDDEN' } });
    expect(decideOnTenant(failed, 'token')).toMatchObject({ kind: 'failed' });
  });
});
