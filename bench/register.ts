import { setTimeout as delay } from 'node:timers/promises';
import { createDecideCheck } from '../src/authorize/decide-check.ts';
import type { CallContext, Clock, Relationship } from '../src/authorize/ports.ts';
import { loadConfig } from '../src/config/load-config.ts';
import { createRegisterResource } from '../src/lifecycle/register-resource.ts';
import { createTenantGates } from '../src/lifecycle/tenant-gates.ts';
import { createRelationshipChain } from '../src/relationships/relationship-chain.ts';
import { WRITE_RELATIONSHIPS } from '../src/relationships/spicedb-methods.ts';
import { toWriteRequest } from '../src/relationships/spicedb-requests.ts';
import { timeAll } from './support/closed-loop.ts';
import { judgeRatio } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';

const ROUNDS = 5;
const WRITES = 150;
const WARM_UP_ROUNDS = 2;
const MAX_RATIO = 1.2;
const OWNER = { kind: 'user', id: 'alice', account: 'acme' } as const;
const CLOCK: Clock = { nowMs: Date.now };
const TIMEOUT_MS = 10_000;
const SETTLE_MS = 6_000;

/**
 * Registering beside one bare WriteRelationships of what it writes, in turn, on the same connection to SpiceDB: what is
 * compared is the conditions and the decision about the parent, not a hop that every caller of taskgate pays.
 */
export async function measureRegister(stores: BenchStores): Promise<readonly BenchRow[]> {
  const chain = createRelationshipChain({ clock: CLOCK }, { spiceDb: stores.spiceDb, caching: {} });
  const { types, registrations, consistency } = loadDefaults();
  const decideCheck = createDecideCheck(
    {
      relationships: chain.relationships,
      parents: { lookup: async () => [] },
      sentinels: { pick: () => 0 },
    },
    { types, consistencyByOperation: consistency, revealReadable: false },
  );
  const register = createRegisterResource(
    { ...chain, decideCheck, tenantGates: createTenantGates(chain) },
    { types, registrations: new Map(registrations.map((registration) => [registration.type, registration])) },
  );
  let nextTask = 0;
  const takeTask = (): string => `bench-registered-${nextTask++}`;
  const ours = async (): Promise<void> => {
    const resource = { type: 'task', key: { kind: 'id', id: takeTask() } } as const;
    const parent = { type: 'agent', key: { kind: 'id', id: 'agent-1' } } as const;
    await register({ principal: OWNER, resource, parent }, toContext());
  };
  const theirs = async (): Promise<void> => {
    const request = toWriteRequest({ touch: toRelationships(takeTask()) });
    await chain.client.call(WRITE_RELATIONSHIPS, request, toContext(), { idempotent: true });
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
  chain.close();
  return [
    {
      work: `RegisterResource under a warm parent, one at a time, p50: ${spread(results.ours, 2)} ms`,
      reference: `one bare WriteRelationships of the same, p50: ${spread(results.theirs, 2)} ms`,
      ...judgeRatio(results.ratios, { atMost: MAX_RATIO }),
    },
  ];
}

function loadDefaults() {
  const loaded = loadConfig({ env: {}, readFile: () => '' }, { mode: 'demo' });
  if (loaded.kind === 'invalid') throw new Error('bench: the defaults are no configuration');
  return loaded.config;
}

function toContext(): CallContext {
  return { signal: new AbortController().signal, deadlineAtMs: Date.now() + TIMEOUT_MS };
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
