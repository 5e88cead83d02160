import type { Socket } from 'node:net';

/** As much of the handle of a socket (TCP, TLS, unix) as is used here. */
interface Handle {
  readStart(): unknown;
  readStop(): unknown;
}

const heldUntilMs = new WeakMap<Handle, number>();

/**
 * Reads nothing of a connection for some milliseconds: the other side then has to wait, as TCP has it. Whoever reads the
 * socket need not know (node:http2 and node:http take its handle, and leave no other way).
 *
 * It uses what is not public in Node, so it does nothing where that is not as it is known to be; a test says so.
 */
export function holdReading(socket: Socket, ms: number): void {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (!isHandle(handle)) return;
  const nowMs = performance.now();
  const known = heldUntilMs.get(handle);
  heldUntilMs.set(handle, Math.max(known ?? 0, nowMs + ms));
  if (known !== undefined) return;
  handle.readStop();
  const resume = (): void => {
    const leftMs = (heldUntilMs.get(handle) ?? 0) - performance.now();
    if (leftMs > 0) {
      setTimeout(resume, leftMs).unref();
      return;
    }
    heldUntilMs.delete(handle);
    // Of a connection that is closed by now it does nothing.
    handle.readStart();
  };
  setTimeout(resume, ms).unref();
}

function isHandle(handle: unknown): handle is Handle {
  return typeof handle === 'object' && handle !== null && 'readStart' in handle && 'readStop' in handle;
}
