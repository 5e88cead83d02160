import { v1 } from '@authzed/authzed-node';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UnavailableError } from '../../../src/domain/errors.ts';
import { findLeafTypes } from '../../../src/relationships/leaf-types.ts';
import { parseRelationship } from '../../../src/relationships/parse-relationship.ts';
import { writeCheckItems } from '../../../src/relationships/bulk-items.ts';
import { createFreshness } from '../../../src/relationships/freshness.ts';
import { parseBulkAnswer, parseCheckAnswer } from '../../../src/relationships/spicedb-answers.ts';
import { followChanges } from '../../../src/relationships/spicedb-changes.ts';
import type { SpiceDbClient, StreamEvents } from '../../../src/relationships/spicedb-client.ts';
import { toCheckItem } from '../../../src/relationships/spicedb-requests.ts';
import { loadSchema, taskCheck } from '../../support/spicedb.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const HAS_PERMISSION = v1.CheckPermissionResponse_Permissionship.HAS_PERMISSION;

/** What the generated codec refuses never gets to us: grpc-js makes it an error of the call. */
function decoded<Message>(decode: () => Message): Message | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

/** @returns the word of a fault; a fault that is not declared is thrown on. */
function faultOf(error: unknown): string {
  if (error instanceof UnavailableError) return error.cause instanceof Error ? error.cause.message : 'a fault';
  throw error;
}

const stored = v1.Relationship.toBinary({
  resource: { objectType: 'task', objectId: 't=40' },
  relation: 'owner',
  subject: { object: { objectType: 'user', objectId: 'ann' }, optionalRelation: '' },
});
const relationships: FuzzTarget = {
  name: 'spicedb-relationships',
  seeds: [stored, text('')],
  dictionary: ['=40', '=sentinel/1', '*', 'task', '...'],
  run(input) {
    const message = decoded(() => v1.Relationship.fromBinary(input));
    if (message === undefined) return 'no message';
    try {
      const { object, subject } = parseRelationship(message);
      return `${object.id === undefined} ${subject.id === undefined} ${subject.relation === ''}`;
    } catch (error) {
      return faultOf(error);
    }
  },
};

const checks = [taskCheck('t1'), taskCheck('täsk'), taskCheck('t1', { permission: 'update', account: 'globex' })];
const [items] = writeCheckItems(checks);
const pairs = checks.map((check, index): v1.CheckBulkPermissionsPair => ({
  request: toCheckItem(check),
  response:
    index === 2
      ? { oneofKind: 'error', error: { code: 3, message: 'no', details: [] } }
      : { oneofKind: 'item', item: { permissionship: index + 1 } },
}));
const bulkAnswers: FuzzTarget = {
  name: 'spicedb-bulk-answers',
  seeds: [v1.CheckBulkPermissionsResponse.toBinary({ checkedAt: { token: 'token' }, pairs }), text('')],
  run(input) {
    try {
      const { results, checkedAt } = parseBulkAnswer(items, Buffer.from(input));
      assertThat(results.length === checks.length && checkedAt !== '', 'as many answers as checks, at a revision');
      return results.map(({ kind }) => kind).join(' ');
    } catch (error) {
      return faultOf(error);
    }
  },
};

const checkAnswers: FuzzTarget = {
  name: 'spicedb-answers',
  seeds: [
    v1.CheckPermissionResponse.toBinary({ checkedAt: { token: 'token' }, permissionship: 2 }),
    v1.CheckPermissionResponse.toBinary({ permissionship: 1 }),
  ],
  run(input) {
    const message = decoded(() => v1.CheckPermissionResponse.fromBinary(input));
    if (message === undefined) return 'no message';
    try {
      const [result] = parseCheckAnswer(message).results;
      assertThat(
        (result?.kind === 'held') === (message.permissionship === HAS_PERMISSION),
        'only HAS_PERMISSION is held',
      );
      return String(result?.kind);
    } catch (error) {
      return faultOf(error);
    }
  },
};

const changes: FuzzTarget = {
  name: 'spicedb-changes',
  seeds: [
    v1.WatchResponse.toBinary({
      updates: [{ operation: 2, relationship: v1.Relationship.fromBinary(stored) }],
      changesThrough: { token: 'token' },
      optionalTransactionMetadata: {
        fields: { taskgate_write: { kind: { oneofKind: 'stringValue', stringValue: 'tag' } } },
      },
      schemaUpdated: false,
      fullRevisionMetadata: [],
      isCheckpoint: false,
    }),
    v1.WatchResponse.toBinary({ updates: [], schemaUpdated: true, isCheckpoint: true, fullRevisionMetadata: [] }),
  ],
  dictionary: ['taskgate_write', 'tag', 'task'],
  async run(input) {
    const message = decoded(() => v1.WatchResponse.fromBinary(input));
    if (message === undefined) return 'no message';
    const freshness = createFreshness({ clock: CLOCK }, { maxObjects: 10 });
    const lost: unknown[] = [];
    const watch = Promise.withResolvers<(told: unknown) => void>();
    const client = {
      call: async () => ({ schemaText: loadedSchema, readAt: { token: 'start' } }),
      stream: (_method: unknown, _request: unknown, _context: unknown, events: StreamEvents<unknown>) => {
        watch.resolve(events.onMessage);
        return { cancel: () => undefined, pause: () => undefined, resume: () => undefined };
      },
      close: () => undefined,
    } as unknown as SpiceDbClient;
    const following = followChanges(
      { client, clock: CLOCK, listener: freshness.listener, onLost: (error) => void lost.push(error) },
      { timeoutMs: 1_000, silenceMs: 'off' },
    );
    (await watch.promise)(message);
    await nextTurn();
    const isFollowing = freshness.now() !== undefined;
    following.close();
    const isTold = message.updates.length === 0 || (message.changesThrough?.token ?? '') !== '';
    assertThat(isTold || !isFollowing, 'what changed at no revision is no longer followed');
    return `${message.updates.length > 0} ${isFollowing} ${lost.map(faultOf).join()}`;
  },
};
const CLOCK = { nowMs: Date.now };
const loadedSchema = loadSchema();

const schemas: FuzzTarget = {
  name: 'spicedb-schemas',
  seeds: [
    loadedSchema,
    'use expiration\ndefinition a {}',
    'definition a/b { relation c: a/b | d#e | f:* with g }',
    '/* */ // x',
  ].map(text),
  dictionary: [
    'definition ',
    'relation ',
    'permission ',
    '/*',
    '*/',
    '//',
    ':',
    '{',
    '}',
    ' | ',
    'with ',
    'use expiration',
  ],
  run(input) {
    const leaves = findLeafTypes(toText(input));
    return leaves === undefined ? 'nothing is kept' : `${leaves.size}`;
  },
};

export const SPICEDB_TARGETS: readonly FuzzTarget[] = [relationships, bulkAnswers, checkAnswers, changes, schemas];
