import type { v1 } from '@authzed/authzed-node';
import { describe, expect, test } from 'vitest';
import type { SpiceDbClient, StreamEvents } from '../../src/relationships/spicedb-client.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import { createSpiceDbReader } from '../../src/relationships/spicedb-reader.ts';
import { SYSTEM_CLOCK, callContext, task } from '../support/spicedb.ts';

type Answer = Partial<v1.ReadRelationshipsResponse>;

const OWNER: v1.Relationship = {
  resource: { objectType: 'task', objectId: 'task-1' },
  relation: 'owner',
  subject: { object: { objectType: 'user', objectId: 'alice' }, optionalRelation: '' },
};
const GOOD: Answer = { relationship: OWNER, readAt: { token: 'read' } };
const PATTERN = {
  object: task('task-1'),
  relation: 'owner',
  subject: { kind: 'principal', principalKind: 'user', id: 'alice' },
} as const;

function readerOf(answers: readonly Answer[]) {
  const client = {
    stream(_method: unknown, _request: unknown, _context: unknown, events: StreamEvents<Answer>) {
      for (const answer of answers) events.onMessage(answer);
      events.onEnd(undefined);
      return { cancel: () => undefined };
    },
  } as unknown as SpiceDbClient;
  return createSpiceDbReader({ client, freshness: createFreshness({ clock: SYSTEM_CLOCK }) });
}

describe('relationships that are read', () => {
  test('are those that were asked for, at a revision', async () => {
    expect(await readerOf([GOOD]).read(PATTERN, callContext())).toMatchObject({
      relationships: [{ relation: 'owner', subject: { type: 'user', id: 'alice' } }],
      readAt: 'read',
    });
    expect(await readerOf([GOOD]).exists(PATTERN, callContext())).toBe(true);
    expect(await readerOf([]).exists(PATTERN, callContext())).toBe(false);
  });

  test.each<[string, Answer]>([
    ['without a revision', { relationship: OWNER }],
    ['at an empty revision', { ...GOOD, readAt: { token: '' } }],
    ['that are none', { readAt: { token: 'read' } }],
    ['of another object', { ...GOOD, relationship: { ...OWNER, resource: { objectType: 'task', objectId: 'other' } } }],
    ['of another type', { ...GOOD, relationship: { ...OWNER, resource: { objectType: 'agent', objectId: 'task-1' } } }],
    ['of another relation', { ...GOOD, relationship: { ...OWNER, relation: 'viewer' } }],
    [
      'of another subject',
      {
        ...GOOD,
        relationship: { ...OWNER, subject: { object: { objectType: 'user', objectId: 'bob' }, optionalRelation: '' } },
      },
    ],
  ])('are a fault: %s', async (_, answer) => {
    const fault = { name: 'UnavailableError', dependency: 'spicedb' };
    await expect(readerOf([GOOD, answer]).read(PATTERN, callContext())).rejects.toMatchObject(fault);
    await expect(readerOf([answer]).exists(PATTERN, callContext())).rejects.toMatchObject(fault);
  });
});
