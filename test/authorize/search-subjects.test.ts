import { expect, test } from 'vitest';
import { createPolicyNames } from '../../src/authorize/policy-names.ts';
import type { ParentResult, RelationshipObject } from '../../src/authorize/ports.ts';
import type { HeldBy } from '../../src/authorize/ports-policy.ts';
import { createSearchSubjects } from '../../src/authorize/search-subjects.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { callContext } from '../support/spicedb.ts';

const HELD: HeldBy = { ids: ['ann', 'bob'], readAt: 'at', everyone: true };

function setUp(parent: ParentResult) {
  const asked: RelationshipObject[] = [];
  const search = createSearchSubjects(
    {
      parents: { lookup: async (keys) => keys.map(() => parent) },
      sentinels: { standIn: () => 7 },
      policy: {
        check: async () => [],
        listObjects: async () => HELD,
        async listSubjects({ object }) {
          asked.push(object);
          return HELD;
        },
      },
    },
    {
      names: createPolicyNames({ types: new Map(), actions: new Map() }),
      accountProperty: 'account',
      defaultAccount: 'acme',
      types: new Map([
        [
          'message',
          {
            name: 'message',
            registered: false,
            named: false,
            rules: new Map([['read', { kind: 'parent', parentType: 'task', permission: 'read' }]]),
          },
        ],
      ]),
      consistencyByOperation: new Map(),
    },
  );
  const request = {
    subject: { type: 'user', properties: {} },
    action: { name: 'read', properties: {} },
    resource: { type: 'message', id: 'msg', properties: {} },
    context: {},
    page: { limit: 10, position: undefined },
  };
  return { asked, found: async () => search(request, callContext()) };
}

test('asks who holds the permission on the parent', async () => {
  const { asked, found } = setUp({ kind: 'found', id: 'task-1' });
  expect(await found()).toEqual({ ids: ['ann', 'bob'], next: undefined, everyone: true, readAt: 'at' });
  expect(asked).toEqual([{ kind: 'resource', type: 'task', id: 'task-1' }]);
});

test('of what is absent the sentinel is asked, and whoever holds it is not found', async () => {
  const { asked, found } = setUp({ kind: 'absent' });
  expect(await found()).toEqual({ ids: [], next: undefined, everyone: false });
  expect(asked).toEqual([{ kind: 'sentinel', type: 'task', index: 7 }]);
});

test('a parent that could not be told is no empty list', async () => {
  const { found } = setUp({ kind: 'failed', error: new UnavailableError('database') });
  await expect(found()).rejects.toMatchObject({ name: 'UnavailableError' });
});
