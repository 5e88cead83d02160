import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { encodeParentEntry } from '../../src/parents/parent-entry.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';
import type { Random } from '../support/random.ts';
import type { Model } from './model.ts';

export interface AttackerDeps {
  readonly random: Random;
  readonly model: Model;
  readonly redisUrl: string;
  /** Told of each thing that it did. */
  readonly onAttack: (kind: string) => void;
}

const ATTACKS = ['re-parented', 'absent', 'moved', 'bit flipped', 'cut', 'garbage', 'wrong type', 'flush'] as const;
const PAUSE_MS = { least: 50, most: 400 } as const;
const KEYS_AT_ONCE = 12;
const PREFIX = 'taskgate:parent:';
const HOUR_MS = 3_600_000;
/** It has read the code and the id of the key, and has everything but the secret. */
const FORGED_RING = [{ id: 'env', secret: 'a secret that the attacker has made up, 32 or more' }] as const;

/** Whoever can write Redis, and knows all but the secret that signs: does its worst until `ended`. */
export async function attackAlways(
  { random, model, redisUrl, onAttack }: AttackerDeps,
  ended: AbortSignal,
): Promise<void> {
  const redis = new Redis(redisUrl);
  redis.on('error', () => undefined);
  const pickKey = (): string => {
    const task = random.pick(model.hot);
    const id = { type: 'message', by: 'id', value: random.pick(task.messages), parentType: 'task' } as const;
    const name = { type: 'task', by: 'name', value: task.name, parentType: 'task' } as const;
    return `${PREFIX}${toParentKeyText(random.chance(0.7) ? id : name)}`;
  };
  const forge = (key: string, result: Parameters<typeof encodeParentEntry>[1]): Buffer =>
    encodeParentEntry(key, result, { keyRing: FORGED_RING, expiresAtMs: Date.now() + HOUR_MS });

  const attack = async (kind: (typeof ATTACKS)[number], key: string): Promise<void> => {
    switch (kind) {
      case 're-parented':
        await redis.set(key, forge(key, { kind: 'found', id: random.pick([...model.tasks.keys()]) }));
        return;
      case 'absent':
        await redis.set(key, forge(key, { kind: 'absent' }));
        return;
      case 'garbage':
        await redis.set(key, Buffer.from(Array.from({ length: random.below(120) }, () => random.below(256))));
        return;
      case 'wrong type':
        await redis.multi().del(key).rpush(key, 'not an entry').exec();
        return;
      case 'flush':
        return;
      case 'moved':
      case 'bit flipped':
      case 'cut': {
        const entry = await redis.getBuffer(kind === 'moved' ? pickKey() : key).catch(() => null);
        if (entry === null || entry.length === 0) return;
        const at = random.below(entry.length);
        if (kind === 'bit flipped') entry[at] = (entry[at] ?? 0) ^ (1 << random.below(8));
        await redis.set(key, kind === 'cut' ? entry.subarray(0, at) : entry);
        return;
      }
      default:
        return kind satisfies never;
    }
  };
  try {
    while (!ended.aborted) {
      await delay(PAUSE_MS.least + random.below(PAUSE_MS.most - PAUSE_MS.least));
      if (model.hot.length === 0) continue;
      const kind = random.pick(ATTACKS);
      if (kind === 'flush') await redis.flushall();
      for (let count = 0; count < KEYS_AT_ONCE; count += 1) await attack(kind, pickKey());
      onAttack(`Redis: ${kind}`);
    }
  } finally {
    redis.disconnect();
  }
}
