import type { Server } from '@grpc/grpc-js';

/** As much of node:http2's own state of a session as is looked at here. */
interface SessionState {
  streams: unknown;
}

/**
 * Lets the young generation's collector free HTTP/2 streams that have ended.
 *
 * A session of node:http2 keeps its streams in a Map. Once that Map's table is in the old generation, so is every table
 * that follows it, and each one that was outgrown still names the streams that were open then: the collector takes these
 * for alive, with all of their call, until the next full collection. That made full collections ten times as frequent
 * and cost a third of the throughput (ARCHITECTURE.md, "Speed"). With the streams in boxes, an outgrown table names
 * boxes, and those of ended streams are empty.
 *
 * It changes what is not public in grpc-js and Node, so it does nothing where they are not as they are known to be.
 */
export function freeFinishedStreams(server: Server): void {
  const http2Servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(http2Servers instanceof Map)) return;
  for (const http2Server of http2Servers.keys() as Iterable<NodeJS.EventEmitter>) {
    http2Server.prependListener('session', (session: object) => {
      const state = stateOf(session);
      if (state !== undefined) state.streams = new ArrayMap();
    });
  }
}

/** The state of a session that has no streams yet. */
function stateOf(session: object): SessionState | undefined {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  if (key === undefined) return undefined;
  const state: unknown = Reflect.get(session, key);
  if (typeof state !== 'object' || state === null || !('streams' in state)) return undefined;
  const { streams } = state;
  const isEmptyMap =
    Object.prototype.toString.call(streams) === '[object Map]' && Reflect.get(Object(streams), 'size') === 0;
  return isEmptyMap ? state : undefined;
}

/**
 * A Map for few entries: two arrays, which are changed in place. A lookup takes as long as there are entries; a session
 * has no more than `limits.max_concurrent_streams`.
 */
export class ArrayMap<Key, Value> implements Map<Key, Value> {
  readonly #keys: Key[] = [];
  readonly #values: Value[] = [];
  readonly [Symbol.toStringTag] = 'Map';

  get size(): number {
    return this.#keys.length;
  }

  has(key: Key): boolean {
    return this.#keys.includes(key);
  }

  get(key: Key): Value | undefined {
    // Most often the latest is asked for.
    return this.#values[this.#keys.lastIndexOf(key)];
  }

  set(key: Key, value: Value): this {
    const index = this.#keys.lastIndexOf(key);
    if (index === -1) {
      this.#keys.push(key);
      this.#values.push(value);
    } else this.#values[index] = value;
    return this;
  }

  delete(key: Key): boolean {
    const index = this.#keys.indexOf(key);
    if (index === -1) return false;
    this.#keys.splice(index, 1);
    this.#values.splice(index, 1);
    return true;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  keys(): ArrayIterator<Key> {
    return this.#keys.values();
  }

  values(): ArrayIterator<Value> {
    return this.#values.values();
  }

  *entries(): MapIterator<[Key, Value]> {
    for (const [index, key] of this.#keys.entries()) yield [key, this.#values[index] as Value];
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  forEach(callback: (value: Value, key: Key, map: Map<Key, Value>) => void, self?: unknown): void {
    for (const [key, value] of this) callback.call(self, value, key, this);
  }
}
