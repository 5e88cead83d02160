import { createHmac } from 'node:crypto';

/** What of a line can be left out or made unreadable. */
export const MASKABLE_FIELDS = ['caller', 'principal.id', 'principal.account', 'resource.id', 'resource.name'] as const;
export type MaskableField = (typeof MASKABLE_FIELDS)[number];
/** `hash`: by a keyed hash, so that equal values stay equal and can't be guessed from it. */
export type Masking = 'omit' | 'hash';

export interface MaskOptions {
  readonly mask: ReadonlyMap<MaskableField, Masking>;
  /** Needed with `hash`. */
  readonly hashKey: string | undefined;
}

/** The value of a field as a line may show it; undefined: not at all. */
export type ShowField = (field: MaskableField, value: string) => string | undefined;

/** 128 bits: two values in one log don't meet. */
const HASH_LENGTH = 32;

export function createShowField({ mask, hashKey = '' }: MaskOptions): ShowField {
  return (field, value) => {
    const how = mask.get(field);
    if (how === undefined) return value;
    if (how === 'omit') return undefined;
    // The field is part of it: an id that is also an account is not told by its hash.
    return `hash:${createHmac('sha256', hashKey).update(`${field}\0${value}`).digest('hex').slice(0, HASH_LENGTH)}`;
  };
}
