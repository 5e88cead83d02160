import { setTimeout as delay } from 'node:timers/promises';
import type { Relationship } from '../src/authorize/ports.ts';
import { createRegisterResource } from '../src/lifecycle/register-resource.ts';
import { createTenantGates } from '../src/lifecycle/tenant-gates.ts';
import { WRITE_RELATIONSHIPS } from '../src/relationships/spicedb-methods.ts';
import { toWriteRequest } from '../src/relationships/spicedb-requests.ts';
import { timeAll } from './support/closed-loop.ts';
import { createCallContext, createInProcess } from './support/in-process.ts';
import { judgeRatio } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';

const ROUNDS = 5;
const WRITES = 150;
const WARM_UP_ROUNDS = 2;
const MAX_RATIO = 1.2;
const OWNER = { kind: 'user', id: 'alice', account: 'acme' } as const;
const SETTLE_MS = 6_000;

/**
 * Registering beside one bare WriteRelationships of what it writes, in turn, on the same connection to SpiceDB: what is
 * compared is the conditions and the decision about the parent, not a hop that every caller of taskgate pays.
 */
export async function measureRegister(stores: BenchStores): Promise<readonly BenchRow[]> {
  using inProcess = createInProcess(stores);
  const { chain, decideCheck, config } = inProcess;
  const { types, registrations } = config;
  const register = createRegisterResource(
    { ...chain, decideCheck, tenantGates: createTenantGates(chain) },
    { types, registrations: new Map(registrations.map((registration) => [registration.type, registration])) },
  );
  let nextTask = 0;
  const takeTask = (): string => `bench-registered-${nextTask++}`;
  const ours = async (): Promise<void> => {
    const resource = { type: 'task', key: { kind: 'id', id: takeTask() } } as const;
    const parent = { type: 'agent', key: { kind: 'id', id: 'agent-1' } } as const;
    await register({ principal: OWNER, resource, parent }, createCallContext());
  };
  const theirs = async (): Promise<void> => {
    const request = toWriteRequest({ touch: toRelationships(takeTask()) });
    await chain.client.call(WRITE_RELATIONSHIPS, request, createCallContext(), { idempotent: true });
  };

  // Longer than a minimise-latency snapshot can be behind: the parent's owner was just written.
  await stores.analyze();
  await delay(SETTLE_MS);
  const results = { ours: [] as number[], theirs: [] as number[], ratios: [] as number[] };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const ourMs: number[] = [];
    const theirMs: number[] = [];
    for (let write = 0; write < WRITES; write += 1) {
      theirMs.push(await timeAll(1, 1, theirs));
      ourMs.push(await timeAll(1, 1, ours));
    }
    if (round < 0) continue;
    results.ours.push(median(ourMs));
    results.theirs.push(median(theirMs));
    results.ratios.push(median(ourMs) / median(theirMs));
    process.stderr.write(
      `  RegisterResource, round ${round + 1} of ${ROUNDS}: ${median(ourMs).toFixed(2)} beside ${median(theirMs).toFixed(2)} ms\n`,
    );
  }
  return [
    {
      work: `RegisterResource under a warm parent, one at a time, p50: ${spread(results.ours, 2)} ms`,
      reference: `one bare WriteRelationships of the same, p50: ${spread(results.theirs, 2)} ms`,
      ...judgeRatio(results.ratios, { atMost: MAX_RATIO }),
    },
  ];
}

function toRelationships(id: string): readonly Relationship[] {
  const object = { kind: 'resource', type: 'task', id } as const;
  return [
    { object, relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id: 'alice' } },
    { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account: 'acme' } } },
    {
      object,
      relation: 'parent',
      subject: { kind: 'object', object: { kind: 'resource', type: 'agent', id: 'agent-1' } },
    },
  ];
}
