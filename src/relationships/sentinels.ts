import { createHmac } from 'node:crypto';
import type { SentinelPicker } from '../authorize/ports.ts';
import { joinParts } from './check-key.ts';

/** What of the hash is used: far more than the sentinels, so that each is as likely as any other. */
const HASH_BYTES = 6;

export interface SentinelOptions {
  /** Keyed, so that nobody can tell which ids share a sentinel. The same in all replicas. */
  readonly secret: string | Uint8Array;
  /** How many sentinels a type has: what `registerSentinels` registered. */
  readonly count: number;
}

/** Chooses sentinels by a keyed hash of what was asked. */
export function createSentinelPicker({ secret, count }: SentinelOptions): SentinelPicker {
  return {
    pick: (type, asked) =>
      createHmac('sha256', secret)
        .update(joinParts([type, asked]))
        .digest()
        .readUIntBE(0, HASH_BYTES) % count,
  };
}
