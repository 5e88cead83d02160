import type { IncomingMessage } from 'node:http';
import { freeBytes } from '../calls/free-bytes.ts';

const MIB = 1024 * 1024;
/** What is taken of a body that nobody wants. */
const MAX_DRAINED_BYTES = 8 * MIB;
/** Bodies that are taken at once, and milliseconds between two chunks of one: some 2.5 MiB a second of garbage at most. */
const MAX_DRAINING = 2;
const CHUNK_INTERVAL_MS = 50;
/** For an answer to be read before the connection is closed under the rest of the request. */
const LINGER_MS = 1_000;

/**
 * Takes what is left of a body off the connection: the next request on it would wait behind it until both time out. What
 * is very long, or one of many, is not read any more; its connection is closed when the answer has had time to be read.
 */
export function createBodyDrain(): (request: IncomingMessage) => void {
  let draining = 0;
  const linger = (request: IncomingMessage): void => {
    // What has come by now; nothing more is read.
    request.on('data', freeBytes).resume();
    setImmediate(() => request.pause().socket.pause());
    setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  };
  return (request) => {
    if (request.complete) return;
    // It counts as begun.
    request.read(0);
    if (draining >= MAX_DRAINING || Number(request.headers['content-length'] ?? 0) > MAX_DRAINED_BYTES) {
      linger(request);
      return;
    }
    let leftBytes = MAX_DRAINED_BYTES;
    draining += 1;
    request.once('close', () => {
      draining -= 1;
    });
    const drain = (chunk: Buffer): void => {
      leftBytes -= chunk.length;
      freeBytes(chunk);
      if (leftBytes < 0) {
        request.off('data', drain);
        linger(request);
        return;
      }
      request.pause();
      setTimeout(() => request.resume(), CHUNK_INTERVAL_MS).unref();
    };
    request.on('data', drain).resume();
  };
}
