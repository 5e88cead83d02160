import type { Random } from '../support/random.ts';

/** Longer inputs are cut: limits of message sizes are another matter. */
export const MAX_INPUT_BYTES = 65_536;

const INTERESTING_BYTES = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x2a, 0x2f, 0x3a, 0x3d, 0x5c, 0x7f, 0x80, 0xff];
const COMMON_WORDS = [
  '', ':', '=', '\\u0000', '\\ud800', '%00', '*', '\n', '\r\n', '{', '}', '[', ']', '"', 'null', 'true', '-1', '1e999',
  '9223372036854775808', '__proto__', 'constructor', '\u212A', 'e\u0301', '\uFFFD', '\uFEFF', '😀', '../', '/*', '//',
]; // prettier-ignore
/** Doublings of a piece; the more, the less often. */
const MAX_DOUBLINGS = 12;

type Mutation = (input: Buffer, random: Random, others: readonly Uint8Array[]) => Buffer;

const at = (input: Buffer, random: Random): number => random.below(input.length + 1);
const replace = (input: Buffer, from: number, to: number, by: Uint8Array): Buffer =>
  Buffer.concat([input.subarray(0, from), by, input.subarray(Math.max(from, to))]);

const MUTATIONS: readonly Mutation[] = [
  (input, random) => {
    if (input.length === 0) return input;
    const copy = Buffer.from(input);
    const index = random.below(copy.length);
    copy.writeUInt8(copy.readUInt8(index) ^ (1 << random.below(8)), index);
    return copy;
  },
  (input, random) => {
    const index = at(input, random);
    return replace(input, index, index + random.below(2), Buffer.from([random.pick(INTERESTING_BYTES)]));
  },
  (input, random) => replace(input, at(input, random), at(input, random), Buffer.alloc(0)),
  (input, random) => input.subarray(0, at(input, random)),
  (input, random) => {
    const [from, length] = [at(input, random), 1 + random.below(16)];
    return replace(input, from, from, input.subarray(from, from + length));
  },
  (input, random) => {
    const [from, length] = [at(input, random), 1 + random.below(8)];
    const piece = input.subarray(from, from + length);
    const repeats = 1 << random.below(1 + random.below(MAX_DOUBLINGS + 1));
    return replace(input, from, from + length, Buffer.alloc(piece.length * repeats, piece));
  },
  (input, random, others) => {
    const other = Buffer.from(random.pick(others));
    return Buffer.concat([input.subarray(0, at(input, random)), other.subarray(at(other, random))]);
  },
  (input, random) => {
    const index = at(input, random);
    return replace(input, index, index, Buffer.from(Array.from({ length: random.below(9) }, () => random.below(256))));
  },
];

/** A neighbour of one of the inputs, a few changes away. */
export function mutate(random: Random, corpus: readonly Uint8Array[], dictionary: readonly string[]): Uint8Array {
  let input: Buffer = Buffer.from(random.pick(corpus));
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const words = random.chance(0.5) ? dictionary : COMMON_WORDS;
    if (random.chance(0.25) && words.length > 0) {
      const index = at(input, random);
      input = replace(input, index, index + random.below(6), Buffer.from(random.pick(words)));
    } else {
      input = random.pick(MUTATIONS)(input, random, corpus);
    }
    input = input.subarray(0, MAX_INPUT_BYTES);
  }
  return input;
}
