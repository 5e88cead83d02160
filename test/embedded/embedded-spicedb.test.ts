import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { v1 } from '@authzed/authzed-node';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import type { EmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { parseEngineStatus } from '../../src/embedded/engine-status.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { grpcStatusOf } from '../../src/relationships/spicedb-errors.ts';
import { READ_SCHEMA, REFLECT_SCHEMA, WRITE_SCHEMA } from '../../src/relationships/spicedb-methods.ts';
import { SYSTEM_CLOCK, callContext, loadSchema, task } from '../support/spicedb.ts';

const WATCH = '/authzed.api.v1.WatchService/Watch';
const IDEMPOTENT = { idempotent: true };

describe('an embedded SpiceDB', () => {
  let engine: EmbeddedSpiceDb;
  let client: Client;
  beforeAll(async () => {
    engine = await startEmbeddedSpiceDb({ schema: loadSchema() });
    client = new Client(engine.endpoint, credentials.createInsecure());
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, chainOptions(engine));
    await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
    chain.close();
  });
  afterAll(async () => {
    client.close();
    await engine.close();
  });

  test('is reached over a socket in a directory of its own that only this user may enter', () => {
    expect(statSync(dirname(socketPath(engine))).mode & 0o777).toBe(0o700);
  });

  test('streams relationships and lookups', async () => {
    const consistency = { requirement: { oneofKind: 'fullyConsistent', fullyConsistent: true } } as const;
    const found = await readAll(
      client,
      'LookupResources',
      v1.LookupResourcesRequest.toBinary(
        v1.LookupResourcesRequest.create({
          consistency,
          resourceObjectType: 'task',
          permission: 'read',
          subject: { object: { objectType: 'user', objectId: 'carol' } },
          context: v1.createStructFromObject({ account: 'acme' }),
        }),
      ),
    );
    expect(found.map((bytes) => v1.LookupResourcesResponse.fromBinary(bytes).resourceObjectId)).toEqual(['task-1']);

    const read = await readAll(
      client,
      'ReadRelationships',
      v1.ReadRelationshipsRequest.toBinary(
        v1.ReadRelationshipsRequest.create({
          consistency,
          relationshipFilter: { resourceType: 'task', optionalResourceId: 'task-1' },
        }),
      ),
    );
    expect(read).toHaveLength(5);
  });

  test('streams changes', async () => {
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, chainOptions(engine));
    const token = await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
    const request = v1.WatchRequest.create({ optionalStartCursor: { token } });
    const watch = client.makeServerStreamRequest(
      WATCH,
      identity,
      identity,
      Buffer.from(v1.WatchRequest.toBinary(request)),
    );
    const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
    watch.on('error', () => onEnded());
    const change = once(watch, 'data');
    await chain.writer.touch(
      [
        {
          object: task('task-watched'),
          relation: 'owner',
          subject: { kind: 'principal', principalKind: 'user', id: 'alice' },
        },
      ],
      callContext(),
    );
    const [bytes]: Buffer[] = await change;
    watch.cancel();
    await ended;
    chain.close();
    const { updates } = v1.WatchResponse.fromBinary(bytes ?? Buffer.of());
    expect(updates.map(({ relationship }) => relationship?.resource?.objectId)).toEqual(['task-watched']);
  });

  test('passes on the status of a stream that it refuses', async () => {
    const request = v1.LookupResourcesRequest.create({
      resourceObjectType: 'dossier',
      permission: 'read',
      subject: { object: { objectType: 'user', objectId: 'carol' } },
    });
    const stream = readAll(client, 'LookupResources', v1.LookupResourcesRequest.toBinary(request));
    await expect(stream).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  test('does not know the methods that it can not serve', async () => {
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, chainOptions(engine));
    const error: unknown = await chain.client
      .call(REFLECT_SCHEMA, { optionalFilters: [] }, callContext(), IDEMPOTENT)
      .catch((thrown: unknown) => thrown);
    chain.close();
    expect(grpcStatusOf(error)?.code).toBe(status.UNIMPLEMENTED);
  });

  test('tells its schema and takes another', async () => {
    await using other = await startEmbeddedSpiceDb({ schema: 'definition user {}' });
    const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, chainOptions(other));
    const before = await chain.client.call(READ_SCHEMA, {}, callContext(), IDEMPOTENT);
    await chain.client.call(WRITE_SCHEMA, { schema: loadSchema() }, callContext(), IDEMPOTENT);
    const after = await chain.client.call(READ_SCHEMA, {}, callContext(), IDEMPOTENT);
    chain.close();
    expect(before.schemaText).toBe('definition user {}');
    expect(after.schemaText).toContain('definition schedule');
  });
});

test('closes at once and leaves nothing behind, be it twice or with a stream open', async () => {
  const engine = await startEmbeddedSpiceDb({ schema: loadSchema() });
  const client = new Client(engine.endpoint, credentials.createInsecure());
  const watch = client.makeServerStreamRequest(
    WATCH,
    identity,
    identity,
    Buffer.from(
      v1.WatchRequest.toBinary(v1.WatchRequest.create({ optionalUpdateKinds: [v1.WatchKind.INCLUDE_CHECKPOINTS] })),
    ),
  );
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
  watch.on('error', () => onEnded());
  watch.on('end', () => onEnded());
  await once(watch, 'data');
  const startedAtMs = performance.now();
  await engine.close();
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  await ended;
  await engine.close();
  client.close();
  expect(existsSync(dirname(socketPath(engine)))).toBe(false);
});

test('says why it does not start, and leaves nothing behind', async () => {
  await expect(startEmbeddedSpiceDb({ schema: 'definition {' })).rejects.toThrow(/parse error/);
});

test.each([
  [
    'rpc error: code = FailedPrecondition desc = object definition `zzz` not found',
    9,
    'object definition `zzz` not found',
  ],
  ['rpc error: code = Canceled desc = ', 1, ''],
  ['write: rpc error: code = InvalidArgument desc = two\nlines', 3, 'two\nlines'],
  ['rpc error: code = Nonsense desc = x', 2, 'x'],
  ['the library is gone', 2, 'the library is gone'],
])('reads the status in %j', (message, code, details) => {
  expect(parseEngineStatus(new Error(message))).toEqual({ code, details });
});

function chainOptions({ endpoint }: EmbeddedSpiceDb): { spiceDb: { endpoint: string; timeoutMs: number } } {
  return { spiceDb: { endpoint, timeoutMs: 5_000 } };
}

function socketPath({ endpoint }: EmbeddedSpiceDb): string {
  return endpoint.slice('unix:'.length);
}

async function readAll(client: Client, method: string, request: Uint8Array): Promise<Buffer[]> {
  const path = `/authzed.api.v1.PermissionsService/${method}`;
  const stream = client.makeServerStreamRequest(path, identity, identity, Buffer.from(request));
  const messages: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
  stream.on('data', (message: Buffer) => messages.push(message));
  stream.on('error', reject);
  stream.on('end', () => resolve(messages));
  return promise;
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
