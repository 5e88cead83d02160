import type { IpcNetConnectOpts, Socket, TcpNetConnectOpts } from 'node:net';
import { connect } from 'node:net';
import { createRandom } from './random.ts';

export type ProxyTarget = TcpNetConnectOpts | IpcNetConnectOpts;

/**
 * What happens to the bytes of one connection.
 * - `ok`: they pass.
 * - `hang`: they are held; `ok` delivers them.
 * - `slow`: each chunk waits for `SLOW_MS`; `ok` delivers those that wait at once.
 * - `cut`: the next reply is reset after a few bytes. A new connection gets the reply to its first chunk (the handshake)
 *   whole, so that it is a reply to a question that is cut.
 * - `garbage`: each reply is random bytes, as many as there were.
 */
export type LinkMode = 'ok' | 'hang' | 'slow' | 'cut' | 'garbage';

/** Milliseconds that `slow` holds a chunk: longer than any budget that a test gives to a store. */
export const SLOW_MS = 2_500;
/** Bytes of a reply that `cut` lets through: less than any reply has. */
const CUT_AFTER_BYTES = 5;
/** Milliseconds in which the client sees those bytes: a reset takes what is not read yet. */
const CUT_DELAY_MS = 20;
const GARBAGE_SEED = 7;

/** One client's connection and the one to the store that belongs to it. */
export interface FaultLink {
  setMode(mode: LinkMode): void;
  reset(): void;
  cut(): void;
}

export function createFaultLink(
  client: Socket,
  target: ProxyTarget,
  start: { readonly mode: LinkMode; readonly isNew: boolean },
): FaultLink {
  const store = connect(target);
  const random = createRandom(GARBAGE_SEED);
  let { mode } = start;
  let chunksSent = 0;
  let isArmed = !start.isNew;

  const reset = (): void => {
    client.resetAndDestroy();
    store.destroy();
  };
  const cutReply = (reply: Buffer): void => {
    store.pause();
    client.write(reply.subarray(0, CUT_AFTER_BYTES), () => setTimeout(reset, CUT_DELAY_MS));
  };
  const requests = createFlow(client, store, (chunk) => {
    chunksSent += 1;
    isArmed ||= chunksSent > 1;
    return chunk;
  });
  const replies = createFlow(store, client, (chunk) => {
    if (mode === 'garbage') return Buffer.from(Uint8Array.from(chunk, () => random.below(256)));
    if (mode !== 'cut' || !isArmed) return chunk;
    cutReply(chunk);
    return undefined;
  });
  const apply = (): void => {
    for (const flow of [requests, replies]) {
      flow.hold(mode === 'hang');
      flow.delay(mode === 'slow' ? SLOW_MS : 0);
    }
  };
  apply();
  return {
    reset,
    cut() {
      client.destroy();
      store.destroy();
    },
    setMode(next) {
      mode = next;
      isArmed = true;
      apply();
    },
  };
}

interface Flow {
  hold(isHeld: boolean): void;
  delay(delayMs: number): void;
}

/** Passes what one side sends to the other. `pass` may change a chunk, or take it for itself. */
function createFlow(from: Socket, to: Socket, pass: (chunk: Buffer) => Buffer | undefined): Flow {
  let isHeld = false;
  let delayMs = 0;
  /** What waits, in order; undefined is the end. */
  const waiting: (Buffer | undefined)[] = [];

  const deliver = (chunk: Buffer | undefined): void => {
    if (chunk === undefined) to.end();
    else if (!to.destroyed && !to.write(chunk)) from.pause();
  };
  const deliverFirst = (): void => {
    if (waiting.length > 0) deliver(waiting.shift());
  };
  const take = (chunk: Buffer | undefined): void => {
    if (delayMs === 0 && waiting.length === 0) return deliver(chunk);
    waiting.push(chunk);
    setTimeout(deliverFirst, delayMs).unref();
  };
  from.on('data', (chunk: Buffer) => {
    const passed = pass(chunk);
    if (passed !== undefined) take(passed);
  });
  from.on('end', () => take(undefined));
  to.on('drain', () => {
    if (!isHeld) from.resume();
  });
  from.on('error', () => to.destroy());
  from.on('close', (hadError) => {
    if (hadError || waiting.length === 0) to.destroy();
  });
  return {
    hold(next) {
      isHeld = next;
      if (next) from.pause();
      else from.resume();
    },
    delay(next) {
      delayMs = next;
      if (next === 0) while (waiting.length > 0) deliverFirst();
    },
  };
}
