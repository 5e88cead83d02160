/** One source file, with a mistake put in. */
export interface Mutation {
  /** From the top of the repository. */
  readonly file: string;
  readonly replaced: string;
  readonly by: string;
}

export interface MutantPlan {
  readonly what: string;
  /** What must be found. Anything else that is found proves nothing. */
  readonly foundAs: 'wrong allow' | 'false not-found';
  readonly mutations: readonly Mutation[];
  /** The store whose faults show it; they are dealt first, so that nobody waits for them. Default: none. */
  readonly needs?: 'database';
}

export const MUTANTS = {
  'cached-error': {
    what: 'a lookup that failed is kept as an absence',
    foundAs: 'false not-found',
    needs: 'database',
    mutations: [
      {
        file: 'src/parents/memory-parents.ts',
        replaced: `if (key === undefined || result === undefined || result.kind === 'failed') continue;`,
        by: `if (key === undefined || result === undefined) continue;
        if (result.kind === 'failed') {
          write(texts[index] ?? '', { result: { kind: 'absent' }, expiresAtMs: readAtMs + 5000 }, readAtMs);
          continue;
        }`,
      },
    ],
  },
  'unsigned-entry': {
    what: 'the signature of an entry in Redis is not verified',
    foundAs: 'wrong allow',
    mutations: [
      {
        file: 'src/parents/parent-entry.ts',
        replaced: `if (!timingSafeEqual(sign(signingKey, key, signed), bytes.subarray(signedEnd))) {`,
        by: `if (!timingSafeEqual(sign(signingKey, key, signed), sign(signingKey, key, signed))) {`,
      },
    ],
  },
  'floor-ignored': {
    what: 'changes neither void answers that are kept nor raise floors',
    foundAs: 'wrong allow',
    mutations: [
      {
        file: 'src/relationships/freshness.ts',
        replaced: `return moment >= lastChangeOf(key).moment && moment >= ownWrites.changedAt(key);`,
        by: `return moment >= 0 && key !== '';`,
      },
      {
        file: 'src/relationships/freshness.ts',
        replaced: `return toFloor(told, ownWrites.floorOf(keys));`,
        by: `return undefined;`,
      },
    ],
  },
} as const satisfies Record<string, MutantPlan>;

export type Mutant = keyof typeof MUTANTS;

export const MUTANT_NAMES = Object.keys(MUTANTS) as readonly Mutant[];

export function isMutant(name: string): name is Mutant {
  return Object.hasOwn(MUTANTS, name);
}

/** The plan of a mutant, as any plan. */
export function planOf(mutant: Mutant): MutantPlan {
  return MUTANTS[mutant];
}

/**
 * The text with the mistake.
 *
 * @throws Error if what it replaces is not there exactly once: a mutant that changes nothing would prove nothing.
 */
export function mutate(text: string, { file, replaced, by }: Mutation): string {
  const parts = text.split(replaced);
  if (parts.length !== 2) throw new Error(`${file} has not once: ${replaced}`);
  return parts.join(by);
}
