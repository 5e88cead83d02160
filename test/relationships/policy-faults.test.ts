import { v1 } from '@authzed/authzed-node';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import type { PolicyCheck } from '../../src/authorize/ports-policy.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import type { FakeAnswers } from './fake-spicedb.ts';
import { startFakeSpiceDb } from './fake-spicedb.ts';

/* Whatever SpiceDB says that is no answer: neither held nor denied. */

const { CheckPermissionResponse_Permissionship: Permissionship } = v1;
const checkedAt = { token: 'a-revision' };

const check = (id: string): PolicyCheck => ({
  object: { kind: 'resource', type: 'document', id },
  permission: 'read',
  subject: { type: 'user', id: 'alice' },
  context: { subject: { __proto__: null, role: 'x' } },
});

const heldPair = (request: v1.CheckBulkPermissionsRequestItem | undefined): v1.CheckBulkPermissionsPair => ({
  request: request as v1.CheckBulkPermissionsRequestItem,
  response: {
    oneofKind: 'item',
    item: { permissionship: Permissionship.HAS_PERMISSION },
  },
});

const errorPair = (
  request: v1.CheckBulkPermissionsRequestItem | undefined,
  code: number,
  message: string,
): v1.CheckBulkPermissionsPair => ({
  request: request as v1.CheckBulkPermissionsRequestItem,
  response: { oneofKind: 'error', error: { code, message, details: [] } },
});

async function ask(bulk: NonNullable<FakeAnswers['bulk']>, checks: readonly PolicyCheck[] = [check('a'), check('b')]) {
  await using fake = await startFakeSpiceDb({ bulk });
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: fake.options });
  try {
    return await chain.policy.check(checks, MINIMIZE_LATENCY, callContext({ timeoutMs: 2_000 }));
  } finally {
    chain.close();
  }
}

describe('an answer of SpiceDB about any schema', () => {
  test('is taken when it is one', async () => {
    const results = await ask(({ items }) => ({ checkedAt, pairs: items.map((item) => heldPair(item)) }));
    expect(results).toEqual([{ kind: 'held' }, { kind: 'held' }]);
  });

  test.each<[string, NonNullable<FakeAnswers['bulk']>]>([
    ['that is too short', ({ items }) => ({ checkedAt, pairs: [heldPair(items[0])] })],
    ['that is too long', ({ items }) => ({ checkedAt, pairs: [...items, ...items].map((item) => heldPair(item)) })],
    ['in another order', ({ items }) => ({ checkedAt, pairs: items.toReversed().map((item) => heldPair(item)) })],
    ['without a revision', ({ items }) => ({ pairs: items.map((item) => heldPair(item)) })],
    [
      'about nothing',
      ({ items }) => ({
        checkedAt,
        pairs: items.map((item) => ({ ...heldPair(item), response: { oneofKind: undefined } })),
      }),
    ],
    [
      'that says nothing',
      ({ items }) => ({
        checkedAt,
        pairs: items.map((item) => ({
          ...heldPair(item),
          response: {
            oneofKind: 'item',
            item: { permissionship: Permissionship.UNSPECIFIED },
          },
        })),
      }),
    ],
  ])('%s is a fault', async (_, bulk) => {
    await expect(ask(bulk)).rejects.toMatchObject({ name: 'UnavailableError' });
  });

  test.each<[string, number, string, string]>([
    ['an unknown definition', status.FAILED_PRECONDITION, 'object definition `document` not found', 'denied'],
    [
      'an unknown permission',
      status.FAILED_PRECONDITION,
      'relation/permission `read` not found under definition `document`',
      'denied',
    ],
    [
      'a condition that can not be evaluated',
      status.INVALID_ARGUMENT,
      'evaluation error for caveat owns: no such key: ownerID',
      'denied',
    ],
    [
      'a condition of another type',
      status.INVALID_ARGUMENT,
      'type error for parameters for caveat `owns`: map',
      'denied',
    ],
    ['another precondition', status.FAILED_PRECONDITION, 'the datastore is read-only', 'failed'],
    ['another mistake', status.INVALID_ARGUMENT, 'the depth is too large', 'failed'],
    [
      'the words of an unknown name with another code',
      status.UNAVAILABLE,
      'object definition `document` not found',
      'failed',
    ],
  ])('to %s', async (_, code, message, kind) => {
    const [first, second] = await ask(({ items }) => ({
      checkedAt,
      pairs: [errorPair(items[0], code, message), heldPair(items[1])],
    }));
    expect([first?.kind, second?.kind]).toEqual([kind, 'held']);
  });

  test('to many is one of all, at the revision of the first', async () => {
    const revisions: unknown[] = [];
    const checks = Array.from({ length: 5_500 }, (_, index) => check(`d-${index}`));
    const results = await ask(({ items, consistency }) => {
      revisions.push(consistency?.requirement.oneofKind);
      return { checkedAt, pairs: items.map((item) => heldPair(item)) };
    }, checks);
    expect(results).toHaveLength(5_500);
    expect(revisions).toEqual(['minimizeLatency', 'atExactSnapshot']);
  });
});

test('a check that can not be written is the mistake of that check alone', async () => {
  const large = { ...check('large'), context: { text: 'x'.repeat(4_096) } };
  const results = await ask(
    ({ items }) => ({ checkedAt, pairs: items.map((item) => heldPair(item)) }),
    [large, check('b')],
  );
  expect(results).toMatchObject([
    { kind: 'failed', error: { name: 'InvalidArgumentError', field: 'context' } },
    { kind: 'held' },
  ]);
});
