import { v1 } from '@authzed/authzed-node';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import type { Span } from '../../src/authorize/ports-tracing.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createGuardedSpiceDbClient } from '../../src/relationships/guarded-spicedb-client.ts';
import type { SpiceDbClient, StreamEvents } from '../../src/relationships/spicedb-client.ts';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import { EXPORT_BULK_RELATIONSHIPS, LOOKUP_RESOURCES } from '../../src/relationships/spicedb-methods.ts';
import { createTracedSpiceDbClient } from '../../src/relationships/traced-spicedb-client.ts';
import { createTestBreaker } from '../support/breaker.ts';
import { SYSTEM_CLOCK } from '../support/spicedb.ts';

interface Recorded {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  /** What each end said. */
  readonly ends: (string | undefined)[];
}

/** A span whose children are recorded. */
function recordSpans(): { readonly span: Span; readonly children: readonly Recorded[] } {
  const children: Recorded[] = [];
  const toSpan = (recorded: Recorded): Span => ({
    traceId: 'trace',
    headers: { traceparent: recorded.name },
    child(name, kind) {
      const child = { name: `${kind} ${name}`, attributes: {}, ends: [] };
      children.push(child);
      return toSpan(child);
    },
    shared: () => toSpan(recorded),
    link: () => undefined,
    set: (attributes) => void Object.assign(recorded.attributes, attributes),
    end: (problem) => void recorded.ends.push(problem),
  });
  return { span: toSpan({ name: 'the call', attributes: {}, ends: [] }), children };
}

function setUp() {
  const streams: { events: StreamEvents<object>; traceparent: string | undefined; cancelled: number }[] = [];
  const client: SpiceDbClient = {
    call: async () => {
      throw new Error('not asked for');
    },
    stream(_method, _request, { span }, events) {
      const stream = {
        events: events as unknown as StreamEvents<object>,
        traceparent: span?.headers['traceparent'],
        cancelled: 0,
      };
      streams.push(stream);
      return { cancel: () => void (stream.cancelled += 1) };
    },
    close: () => undefined,
  };
  return { streams, traced: createTracedSpiceDbClient({ client }) };
}

const NEVER = new AbortController().signal;
const LOOKUP = v1.LookupResourcesRequest.create({});
const FOUND = v1.LookupResourcesResponse.create({ resourceObjectId: 'task-1' });
const NAME = 'client authzed.api.v1.PermissionsService/LookupResources';

function startLookup() {
  const { streams, traced } = setUp();
  const { span, children } = recordSpans();
  const seen: unknown[] = [];
  const stream = traced.stream(
    LOOKUP_RESOURCES,
    LOOKUP,
    { signal: NEVER, span },
    { onMessage: (message) => void seen.push(message), onEnd: (error) => void seen.push(error) },
  );
  const [inner] = streams;
  if (inner === undefined) throw new Error('no stream');
  return { stream, inner, children, seen };
}

test('a stream is a span until its end, with the number of its items', () => {
  const { stream, inner, children, seen } = startLookup();
  for (let count = 0; count < 3; count += 1) inner.events.onMessage(FOUND);
  expect(children).toEqual([{ name: NAME, attributes: {}, ends: [] }]);
  inner.events.onEnd(undefined);
  // As every reader does.
  stream.cancel();
  expect(children).toEqual([
    { name: NAME, attributes: { 'rpc.system': 'grpc', 'taskgate.items': 3 }, ends: [undefined] },
  ]);
  expect(seen).toEqual([FOUND, FOUND, FOUND, undefined]);
  expect(inner).toMatchObject({ cancelled: 1, traceparent: NAME });
});

test("one that fails ends with the error's class, after what came", () => {
  const { inner, children, seen } = startLookup();
  const error = new UnavailableError('spicedb', { cause: 'what the driver says' });
  inner.events.onMessage(FOUND);
  inner.events.onEnd(error);
  expect(children).toMatchObject([{ attributes: { 'taskgate.items': 1 }, ends: ['UnavailableError'] }]);
  expect(seen).toEqual([FOUND, error]);
});

test('one that its reader leaves ends there, and not again', () => {
  const { stream, inner, children } = startLookup();
  inner.events.onMessage(FOUND);
  stream.cancel();
  inner.events.onMessage(FOUND);
  inner.events.onEnd(new UnavailableError('spicedb'));
  expect(children).toEqual([
    {
      name: NAME,
      attributes: { 'rpc.system': 'grpc', 'taskgate.items': 1, 'taskgate.stopped': true },
      ends: [undefined],
    },
  ]);
  expect(inner.cancelled).toBe(1);
});

test('an export counts relationships, not messages', () => {
  const { streams, traced } = setUp();
  const { span, children } = recordSpans();
  const events = { onMessage: () => undefined, onEnd: () => undefined };
  traced.stream(EXPORT_BULK_RELATIONSHIPS, v1.ExportBulkRelationshipsRequest.create(), { signal: NEVER, span }, events);
  const relationship = v1.Relationship.create();
  streams[0]?.events.onMessage(
    v1.ExportBulkRelationshipsResponse.create({ relationships: [relationship, relationship] }),
  );
  streams[0]?.events.onEnd(undefined);
  expect(children).toMatchObject([{ attributes: { 'taskgate.items': 2 } }]);
});

test('a call that is not traced goes past it', () => {
  const { streams, traced } = setUp();
  const events = { onMessage: () => undefined, onEnd: () => undefined };
  traced.stream(LOOKUP_RESOURCES, LOOKUP, { signal: NEVER }, events);
  expect(streams[0]?.events).toBe(events);
});

test('SpiceDB is told which span a stream is, through the breaker', async () => {
  const { promise: told, resolve: tell } = Promise.withResolvers<string>();
  const server = new Server();
  const method = {
    path: LOOKUP_RESOURCES.path,
    requestStream: false,
    responseStream: true,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
  server.addService(
    { lookup: method },
    {
      lookup(call: ServerWritableStream<Buffer, Buffer>) {
        tell(call.metadata.get('traceparent').join());
        call.end();
      },
    },
  );
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const channel = createSpiceDbClient({ clock: SYSTEM_CLOCK }, { endpoint: `127.0.0.1:${port}`, timeoutMs: 1_000 });
  onTestFinished(() => channel.close());
  const { breaker } = createTestBreaker('spicedb');
  const guarded = createGuardedSpiceDbClient({ client: channel, breaker, clock: SYSTEM_CLOCK }, { timeoutMs: 1_000 });
  const { span } = recordSpans();
  const events = { onMessage: () => undefined, onEnd: () => undefined };
  const traced = createTracedSpiceDbClient({ client: guarded });
  const stream = traced.stream(LOOKUP_RESOURCES, LOOKUP, { signal: NEVER, span }, events);
  expect(await told).toBe(NAME);
  stream.cancel();
});
