import type { Server } from '@grpc/grpc-js';

/** As much of node:http2's own state of a session as is looked at here. */
interface SessionState {
  /** By id. */
  streams: unknown;
  /** A Set of those that have no id yet: each of ours is in it for no longer than its constructor takes. */
  pendingStreams: unknown;
}

/**
 * Lets the young generation's collector free HTTP/2 streams that have ended.
 *
 * A session of node:http2 keeps its streams in a Map. Once that Map's table is in the old generation, so is every table
 * that follows it, and each one that was outgrown still names the streams that were open then: the collector takes these
 * for alive, with all of their call, until the next full collection. That made full collections ten times as frequent
 * and cost a third of the throughput (ARCHITECTURE.md, "Speed"). A Set of streams that are about to begin has a new table
 * for each of them, and all of these tables are kept in the same way. An array is changed in place.
 *
 * It changes what is not public in grpc-js and Node, so it does nothing where they are not as they are known to be.
 */
export function freeFinishedStreams(server: Server): void {
  const http2Servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(http2Servers instanceof Map)) return;
  for (const http2Server of http2Servers.keys() as Iterable<NodeJS.EventEmitter>) {
    http2Server.prependListener('session', (session: object) => {
      const state = stateOf(session);
      if (state === undefined) return;
      state.streams = new StreamMap();
      state.pendingStreams = new StreamSet();
    });
  }
}

/** The state of a session that has no streams yet. */
function stateOf(session: object): SessionState | undefined {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  if (key === undefined) return undefined;
  const state: unknown = Reflect.get(session, key);
  if (typeof state !== 'object' || state === null || !('streams' in state) || !('pendingStreams' in state)) {
    return undefined;
  }
  return isEmpty(state.streams, 'Map') && isEmpty(state.pendingStreams, 'Set') ? state : undefined;
}

function isEmpty(value: unknown, kind: 'Map' | 'Set'): boolean {
  return Object.prototype.toString.call(value) === `[object ${kind}]` && Reflect.get(Object(value), 'size') === 0;
}

/** As much of a Set of a few streams as a session uses, in an array that is changed in place. */
export class StreamSet<Value> {
  readonly #values: Value[] = [];

  get size(): number {
    return this.#values.length;
  }

  add(value: Value): this {
    if (!this.#values.includes(value)) this.#values.push(value);
    return this;
  }

  delete(value: Value): boolean {
    const at = this.#values.indexOf(value);
    if (at === -1) return false;
    this.#values.splice(at, 1);
    return true;
  }

  /** Of what is there now: whoever iterates may delete. */
  forEach(callback: (value: Value) => void): void {
    for (const value of this.#values.slice()) if (this.#values.includes(value)) callback(value);
  }
}

/**
 * A Map from stream ids, ordered by them, in an array that is changed in place. HTTP/2 gives every new stream a higher id
 * (RFC 9113, 5.1.1), so what is new goes to the end.
 */
export class StreamMap<Value> implements Map<number, Value> {
  readonly #entries: [number, Value][] = [];
  readonly [Symbol.toStringTag] = 'Map';

  get size(): number {
    return this.#entries.length;
  }

  has(id: number): boolean {
    return this.#find(id) !== undefined;
  }

  get(id: number): Value | undefined {
    return this.#find(id)?.[1];
  }

  set(id: number, value: Value): this {
    const entry = this.#find(id);
    if (entry === undefined) this.#entries.splice(this.#placeOf(id), 0, [id, value]);
    else entry[1] = value;
    return this;
  }

  delete(id: number): boolean {
    if (!this.has(id)) return false;
    this.#entries.splice(this.#placeOf(id), 1);
    return true;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  *keys(): MapIterator<number> {
    for (const [id] of this.entries()) yield id;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Of what is there now: whoever iterates may delete, as a session does that ends its streams. */
  *entries(): MapIterator<[number, Value]> {
    for (const [id, value] of this.#entries.slice()) if (this.has(id)) yield [id, value];
  }

  [Symbol.iterator](): MapIterator<[number, Value]> {
    return this.entries();
  }

  forEach(callback: (value: Value, id: number, map: Map<number, Value>) => void, self?: unknown): void {
    for (const [id, value] of this) callback.call(self, value, id, this);
  }

  #find(id: number): [number, Value] | undefined {
    const entry = this.#entries[this.#placeOf(id)];
    return entry?.[0] === id ? entry : undefined;
  }

  /** Where the id is, or where it would be. */
  #placeOf(id: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.[0] ?? Infinity) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
