import type { ParentKey } from '../authorize/ports.ts';

/**
 * The text that stands for a key in every cache and flight. Injective whatever the parts hold: each but the last is
 * preceded by its length, so no part can reach into the next.
 *
 * @see OpenFGA CVE-2026-48096 for a cache key whose delimiter could be part of a value.
 */
export function toParentKeyText({ type, by, value, parentType }: ParentKey): string {
  return `${type.length}:${type}${parentType.length}:${parentType}${by === 'id' ? 'i' : 'n'}${value}`;
}

/** The key in Redis of `toParentKeyText`'s text. Begins with the prefix, as what a Redis user may touch does. */
export function toRedisKey(keyPrefix: string, text: string): string {
  return `${keyPrefix}:parent:${text}`;
}

/**
 * What an entry is signed for. A prefix may look like the beginning of another's keys, so its length comes first: with one
 * secret for several prefixes, an entry of one is nothing to another.
 */
export function toSignedKey(keyPrefix: string, redisKey: string): string {
  return `${keyPrefix.length}:${redisKey}`;
}
