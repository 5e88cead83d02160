import { once } from 'node:events';
import { connect } from 'node:http2';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamMap, StreamSet, freeFinishedStreams } from '../../src/rpc/finished-streams.ts';

const KEYS = fc.integer({ min: 0, max: 9 });
const STEPS = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key: KEYS, value: fc.string() }),
  fc.record({ kind: fc.constant('delete' as const), key: KEYS, value: fc.constant('') }),
  fc.record({ kind: fc.constant('clear' as const), key: KEYS, value: fc.constant('') }),
);

test('a map of streams is as any map, in the order of the ids', () => {
  fc.assert(
    fc.property(fc.array(STEPS), (steps) => {
      const [plain, ordered] = [new Map<number, string>(), new StreamMap<string>()];
      for (const { kind, key, value } of steps) {
        const results = [plain, ordered].map((map) => {
          if (kind === 'set') return map.set(key, value) === map;
          return kind === 'delete' ? map.delete(key) : map.clear();
        });
        expect(results[1]).toBe(results[0]);
        expect(ordered.size).toBe(plain.size);
        expect([ordered.get(key), ordered.has(key)]).toEqual([plain.get(key), plain.has(key)]);
        const sorted = Array.from(plain).toSorted(([a], [b]) => a - b);
        expect([...ordered]).toEqual(sorted);
        expect([...ordered.keys()]).toEqual(sorted.map(([key]) => key));
        expect([...ordered.values()]).toEqual(sorted.map(([, each]) => each));
        const seen: [number, string][] = [];
        ordered.forEach((each, at, map) => {
          expect(map).toBe(ordered);
          seen.push([at, each]);
        });
        expect(seen).toEqual(sorted);
      }
    }),
  );
});

test('a map of streams may lose entries while it is iterated', () => {
  const maps = [new Map<number, string>(), new StreamMap<string>()];
  const seen = maps.map((map) => {
    for (const key of [1, 2, 3, 4, 5]) map.set(key, `value ${key}`);
    const keys: number[] = [];
    map.forEach((_, key) => {
      keys.push(key);
      map.delete(key);
      map.delete(4);
    });
    expect(map.size).toBe(0);
    return keys;
  });
  expect(seen[1]).toEqual(seen[0]);
});

test('a set of streams is as any set, and may lose some while it is iterated', () => {
  const steps = fc.array(fc.record({ adds: fc.boolean(), value: KEYS }));
  fc.assert(
    fc.property(steps, KEYS, (taken, lost) => {
      const [plain, ours] = [new Set<number>(), new StreamSet<number>()];
      for (const { adds, value } of taken) {
        if (adds) expect(ours.add(value)).toBe(ours);
        if (adds) plain.add(value);
        else expect(ours.delete(value)).toBe(plain.delete(value));
        expect(ours.size).toBe(plain.size);
      }
      const seen = [plain, ours].map((set) => {
        const values: number[] = [];
        set.forEach((value) => {
          values.push(value);
          set.delete(lost);
        });
        return values;
      });
      expect(seen[1]).toEqual(seen[0]);
    }),
  );
});

// Fails when Node or grpc-js are no longer as they are known to be: calls then cost more, and nothing else says so.
test('sessions of a gRPC server keep their streams in such a map, and none that has ended', async () => {
  const server = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  freeFinishedStreams(server);
  const http2Servers = Reflect.get(server, 'http2Servers') as Map<NodeJS.EventEmitter, unknown>;
  const opened = Promise.all([...http2Servers.keys()].map(async (http2Server) => once(http2Server, 'session')));
  const client = connect(`http://127.0.0.1:${port}`);
  try {
    const [[session]] = (await opened) as [[object]];
    const state = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
    const { streams, pendingStreams } = Reflect.get(session, state ?? '') as {
      streams: Map<number, unknown>;
      pendingStreams: Set<unknown>;
    };
    expect(streams).toBeInstanceOf(StreamMap);
    expect(pendingStreams).toBeInstanceOf(StreamSet);
    const request = client.request({ ':method': 'POST', ':path': '/nobody/Knows', 'content-type': 'application/grpc' });
    request.end();
    const [headers]: unknown[] = await once(request, 'response');
    expect(headers).toMatchObject({ 'grpc-status': '12' });
    request.resume();
    await once(request, 'close');
    await expect.poll(() => streams.size).toBe(0);
    expect(pendingStreams.size).toBe(0);
  } finally {
    client.destroy();
    server.forceShutdown();
  }
});
