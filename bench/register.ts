import { AuthorizationService } from '../src/gen/taskgate/v1/authorization_pb.js';
import type { Relationship } from '../src/authorize/ports.ts';
import { WRITE_RELATIONSHIPS } from '../src/relationships/spicedb-methods.ts';
import { toWriteRequest } from '../src/relationships/spicedb-requests.ts';
import { createBenchClient } from './support/client.ts';
import { timeAll } from './support/closed-loop.ts';
import { createDirectClient } from './support/direct-client.ts';
import { judgeRatio } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { median, spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
const WRITES = 150;
const WARM_UP_ROUNDS = 2;
const MAX_RATIO = 1.2;
const OWNER = { subject: { case: 'userId' as const, value: 'alice' }, accountId: 'acme' };

/** RegisterResource beside one bare WriteRelationships of what it writes, in turn, each on a warm connection of its own. */
export async function measureRegister(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using taskgate = await startTaskgate(stores);
  using client = createBenchClient(taskgate.ready.grpc);
  using direct = createDirectClient(stores.spiceDb);
  let nextTask = 0;
  const takeTask = (): string => `bench-registered-${nextTask++}`;
  const ours = async (): Promise<void> => {
    await client.call(AuthorizationService.method.registerResource, {
      principal: OWNER,
      resource: { type: 'task', key: { case: 'id', value: takeTask() } },
      parent: { type: 'agent', key: { case: 'id', value: 'agent-1' } },
    });
  };
  const theirs = async (): Promise<void> => {
    await direct.call(WRITE_RELATIONSHIPS, toWriteRequest({ touch: toRelationships(takeTask()) }));
  };

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
