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
 * and cost a third of the throughput (ARCHITECTURE.md, "Speed"). An array outgrows nothing.
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
 * A Map for few entries: an array that is changed in place. A lookup takes as long as there are entries; a session has no
 * more than `limits.max_concurrent_streams`.
 */
export class ArrayMap<Key, Value> implements Map<Key, Value> {
  readonly #entries: [Key, Value][] = [];
  readonly [Symbol.toStringTag] = 'Map';

  get size(): number {
    return this.#entries.length;
  }

  has(key: Key): boolean {
    return this.#indexOf(key) !== -1;
  }

  get(key: Key): Value | undefined {
    return this.#entries[this.#indexOf(key)]?.[1];
  }

  set(key: Key, value: Value): this {
    const entry = this.#entries[this.#indexOf(key)];
    if (entry === undefined) this.#entries.push([key, value]);
    else entry[1] = value;
    return this;
  }

  delete(key: Key): boolean {
    const index = this.#indexOf(key);
    if (index === -1) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  *keys(): MapIterator<Key> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Of what is there now: whoever iterates may delete, as a session does that ends its streams. */
  *entries(): MapIterator<[Key, Value]> {
    for (const [key, value] of this.#entries.slice()) if (this.has(key)) yield [key, value];
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  forEach(callback: (value: Value, key: Key, map: Map<Key, Value>) => void, self?: unknown): void {
    for (const [key, value] of this) callback.call(self, value, key, this);
  }

  /** From the end: most often the latest is asked for. */
  #indexOf(key: Key): number {
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      if (this.#entries[index]?.[0] === key) return index;
    }
    return -1;
  }
}
