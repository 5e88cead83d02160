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
