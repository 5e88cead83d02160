import { v1 } from '@authzed/authzed-node';
import { describe, expect, test } from 'vitest';
import type { RelationshipCheck } from '../../src/authorize/ports.ts';
import { toBulkRequest, writeCheckItems } from '../../src/relationships/bulk-items.ts';
import { escapeObjectId, isEscapableId, unescapeObjectId } from '../../src/relationships/object-id.ts';
import { toCheckItem, toConsistency } from '../../src/relationships/spicedb-requests.ts';
import { taskCheck } from '../support/spicedb.ts';

const GUEST = /^=guest\/[A-Za-z0-9_-]{43}$/;

function absent(askedAs: string, { index = 0, user = 'alice', account = 'acme' } = {}): RelationshipCheck {
  return { ...taskCheck('', { user, account }), object: { kind: 'sentinel', type: 'task', index }, askedAs };
}

const subjectOf = (check: RelationshipCheck): string | undefined => toCheckItem(check).subject?.object?.objectId;

describe('the subject of a check', () => {
  test('of what is absent is a guest, the same for the same question', () => {
    expect(subjectOf(absent('message:id:1'))).toMatch(GUEST);
    expect(subjectOf(absent('message:id:1'))).toBe(subjectOf(absent('message:id:1')));
  });

  test('of what is absent is another one for anything else that is asked, and for anybody else', () => {
    const subjects = [
      absent('message:id:1'),
      absent('message:id:2'),
      absent('message:id:1', { user: 'bob' }),
      absent('message:id:1', { account: 'globex' }),
      absent('message:id:1', { user: 'alic', account: 'eacme' }),
    ].map(subjectOf);
    expect(new Set(subjects).size).toBe(subjects.length);
  });

  test.each<[string, RelationshipCheck]>([
    ['of a resource that was looked up', { ...taskCheck('task-1'), askedAs: 'message:id:1' }],
    ['of a resource', taskCheck('task-1')],
    ['of a sentinel that nobody asked about', { ...absent(''), askedAs: undefined }],
  ])('%s is the principal', (_, check) => {
    expect(subjectOf(check)).toBe('alice');
  });

  test('keeps its kind and its account', () => {
    const agent = { kind: 'agent', id: 'agent-1', account: 'acme' } as const;
    const { subject, context } = toCheckItem({ ...absent('message:id:1'), principal: agent });
    expect(subject?.object?.objectType).toBe('agent');
    expect(context).toEqual(toCheckItem(taskCheck('task-1')).context);
  });

  test('is nobody that anything outside can name', () => {
    const guest = subjectOf(absent('message:id:1')) ?? '';
    expect(unescapeObjectId(guest)).toBeUndefined();
    expect(isEscapableId(guest) ? escapeObjectId(guest) : '').not.toBe(guest);
  });
});

test('a bulk asks for one guest, so that what is absent is answered together, as what is denied', () => {
  const { principal } = taskCheck('task-1');
  const checks = [
    { ...absent('message:id:1'), principal },
    { ...taskCheck('task-1'), askedAs: 'message:id:2', principal },
    { ...absent('message:id:3', { index: 1 }), principal },
    { ...taskCheck('task-2'), askedAs: 'message:id:4', principal },
  ];
  const [bulk] = writeCheckItems(checks);
  const consistency = toConsistency({ kind: 'minimize_latency' });
  const { items } = v1.CheckBulkPermissionsRequest.fromBinary(toBulkRequest(bulk, consistency));
  const subjects = items.map(({ subject }) => subject?.object?.objectId);
  expect(subjects).toEqual([expect.stringMatching(GUEST), 'alice', subjects[0], 'alice']);
  expect(items.map(({ resource }) => resource?.objectId)).toEqual(['=sentinel/0', 'task-1', '=sentinel/1', 'task-2']);
});
