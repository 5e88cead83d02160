import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { toParentKeyText } from '../../src/parents/parent-key.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';
import type { Case } from './cases.ts';
import { CASES } from './cases.ts';

const { checkTask } = AuthorizationService.method;
const POISONED_PREFIX = `poisoned-${randomBytes(4).toString('hex')}`;

/** The same stores behind caches in every state. */
const GATES: Readonly<Record<string, string>> = {
  off: `{decisions: {cache: false}, parents: {memory_max_entries: 1, found_ttl_ms: 1000, absent_ttl_ms: 1, name_ttl_ms: 1}}`,
  on: '{}',
  tiny: '{decisions: {max_entries: 1}, parents: {memory_max_entries: 1}}',
  poisoned: `{redis: {key_prefix: ${POISONED_PREFIX}}}`,
};

let stores: SampleStores;
const gates: TestTaskgate[] = [];
const clients = new Map<string, TestClient>();
let redis: Redis;
beforeAll(async () => {
  redis = new Redis(inject('redisUrl'));
  stores = await startSampleStores();
  for (const [name, yaml] of Object.entries(GATES)) {
    const gate = await startWithStores(stores, { yaml });
    gates.push(gate);
    clients.set(name, createGrpcClient(name, gate.addresses.grpc));
  }
});
afterAll(async () => {
  for (const client of clients.values()) await client[Symbol.asyncDispose]();
  for (const gate of gates) await gate.close();
  await stores[Symbol.asyncDispose]();
  redis.disconnect();
});

async function ask(gate: string, { request }: Case): Promise<unknown> {
  const outcome = await clients.get(gate)?.call(checkTask, request);
  if (outcome?.kind !== 'message') return outcome?.message;
  return { decision: outcome.message.decision, taskId: outcome.message.taskId };
}

/** Garbage under the very keys that the case's lookup reads. */
async function poison({ request }: Case, garbage: Buffer): Promise<void> {
  const { type = '', key } = request.resource ?? {};
  const value = key?.case === undefined ? '' : (key.value ?? '');
  for (const parentType of ['task', 'agent']) {
    const text = toParentKeyText({ type, by: key?.case === 'name' ? 'name' : 'id', value, parentType });
    await redis.set(`${POISONED_PREFIX}:parent:${text}`, garbage, 'PX', 60_000);
  }
}

it('gives the same decision with caches off, cold, warm, tiny and full of garbage', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...CASES), { minLength: 1, maxLength: 10 }),
      fc.uint8Array({ maxLength: 64 }),
      async (cases, garbage) => {
        for (const one of cases) await poison(one, Buffer.from(garbage));
        for (const one of [...cases, ...cases]) {
          const expected = await ask('off', one);
          for (const gate of ['on', 'on', 'tiny', 'poisoned'])
            expect([one.name, await ask(gate, one)]).toEqual([one.name, expected]);
        }
      },
    ),
    { numRuns: 40 },
  );
});
