import type fc from 'fast-check';

/**
 * One parser of bytes from outside.
 *
 * To add one: put it into a file under `targets/` and into `targets/index.ts`. Its corpus comes by itself.
 */
export interface FuzzTarget {
  /** Also the name of its folder in `corpus/`. */
  readonly name: string;
  /** What mutations begin with: good inputs, and those that have tripped up others. */
  readonly seeds: readonly Uint8Array[];
  /** Words that mutations put in. */
  readonly dictionary?: readonly string[];
  /** Inputs of the right shape, now and then instead of a mutation. */
  readonly arbitrary?: fc.Arbitrary<Uint8Array>;
  /**
   * Takes one input, and tells in a few words what became of it: an input that makes a new story is kept and mutated.
   *
   * @throws whatever is not declared: that is what is looked for.
   */
  run(input: Uint8Array): string | Promise<string>;
}

/** A seed that is a text. */
export function text(content: string): Uint8Array {
  return Buffer.from(content);
}

/** The input as a text: any UTF-16 at all if it begins with 0xFF, lone surrogates included; UTF-8 otherwise. */
export function toText(input: Uint8Array): string {
  return input[0] === 0xff ? Buffer.from(input.subarray(1)).toString('utf16le') : Buffer.from(input).toString();
}

/** What must hold of an answer. @throws Error if it does not. */
export function assertThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}
