import { MAX_INPUT_BYTES } from './mutate.ts';

const HEADER_BYTES = 16;
const SEQUENCE = 0;
const LENGTH = 1;

/** The input that a thread is at, where another can read it while the first hangs. */
export interface SharedInput {
  readonly buffer: SharedArrayBuffer;
  publish(input: Uint8Array): void;
  /** How many were published. */
  sequence(): number;
  current(): Uint8Array;
}

export function createSharedInput(buffer = new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT_BYTES)): SharedInput {
  const header = new Int32Array(buffer, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(buffer, HEADER_BYTES);
  return {
    buffer,
    publish(input) {
      bytes.set(input.subarray(0, MAX_INPUT_BYTES));
      Atomics.store(header, LENGTH, Math.min(input.length, MAX_INPUT_BYTES));
      Atomics.add(header, SEQUENCE, 1);
    },
    sequence: () => Atomics.load(header, SEQUENCE),
    current: () => Uint8Array.from(bytes.subarray(0, Atomics.load(header, LENGTH))),
  };
}
