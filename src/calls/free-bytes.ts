/**
 * Gives the memory of bytes that nobody reads any more back at once: what is kept for a while is old for V8, which takes it
 * back at its next full collection, up to 64 MiB later. They are empty from then on. Bytes that share their memory with
 * others, as those of HTTP/2 do, are left as they are.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
