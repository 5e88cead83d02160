import { advanceClock } from '../support/shifted-clock.ts';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { Relationship } from '../../src/authorize/ports.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { CheckRequest } from '../support/check-requests.ts';
import { user } from '../support/check-requests.ts';
import type { RecordedTaskgate } from '../support/recorded-taskgate.ts';
import { startRecordedTaskgate } from '../support/recorded-taskgate.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores } from '../support/taskgate.ts';
import { execute } from '../support/test-database.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';

const { checkTask } = AuthorizationService.method;
/** Longer than anything of a denial is kept by default, and shorter than a parent. */
const AGED_MS = 6_000;
const SENTINELS = 2;
/** No answer is renewed behind a test's back, and no floor ends in the middle of one. */
const YAML = `{spicedb: {sentinels: ${SENTINELS}}, decisions: {floor_ttl_ms: 600000}}`;

const OWNERS = {
  'the same account': { account: 'acme', owner: 'alice' },
  'another account': { account: 'globex', owner: 'mallory' },
} as const;
const { READ, UPDATE, DELETE } = Operation;
const CASES = [
  ['message', READ],
  ['message', UPDATE],
  ['message', DELETE],
  ['task', READ],
  ['task', DELETE],
  ['name', READ],
  ['name', UPDATE],
] as const;
type Kind = (typeof CASES)[number][0];

let stores: SampleStores;
let gate: RecordedTaskgate;
let client: TestClient;
let resources = 0;
const RESOURCES_PER_OWNER = 60;
const SIBLINGS = 2 * SENTINELS + 3;

beforeAll(async () => {
  stores = await startSampleStores();
  const seed = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
  const relationships: Relationship[] = [];
  const rows: string[] = [];
  for (const { account, owner } of Object.values(OWNERS)) {
    for (let n = 0; n < RESOURCES_PER_OWNER; n += 1) {
      const id = `${account}-${n}`;
      const object = { kind: 'resource', type: 'task', id } as const;
      relationships.push(
        { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account } } },
        { object, relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id: owner } },
      );
      rows.push(`INSERT INTO tasks (id, name, account_id) VALUES ('${id}', 'name-${id}', '${account}')`);
      for (let sibling = 0; sibling < SIBLINGS; sibling += 1) {
        rows.push(`INSERT INTO messages (id, task_id) VALUES ('message-${sibling}-${id}', '${id}')`);
      }
    }
  }
  await seed.writer.touch(relationships, callContext());
  seed.close();
  await execute(stores.databaseUrl, rows.join(';'));
  gate = await startRecordedTaskgate(stores, { redisUrl: inject('redisUrl'), yaml: YAML });
  client = createGrpcClient('gRPC', gate.addresses.grpc);
  // The first lookup of a type also reads the catalogue; and changes are followed from some moment on.
  await vi.waitFor(async () => {
    await calls(request('dave', 'message', 'msg-1', READ));
    expect(await calls(request('dave', 'message', 'msg-1', READ))).toEqual([]);
  });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

function request(userId: string, kind: Kind, key: string, operation: Operation, account = 'acme'): CheckRequest {
  return {
    principal: user(userId, account),
    resource: {
      type: kind === 'message' ? 'message' : 'task',
      key: kind === 'name' ? { case: 'name', value: key } : { case: 'id', value: key },
    },
    operation,
  };
}

/** A resource that nobody has asked about yet. */
function nextDenied(kind: Kind, account: string): string {
  resources += 1;
  if (resources >= RESOURCES_PER_OWNER) throw new Error('too few resources');
  const id = `${account}-${resources}`;
  return { message: `message-0-${id}`, task: id, name: `name-${id}` }[kind];
}

function nextAbsent(kind: Kind): string {
  resources += 1;
  return `absent-${kind}-${resources}`;
}

/** What the stores are asked for one check. */
async function calls(check: CheckRequest, decision = Decision.NOT_FOUND): Promise<readonly string[]> {
  gate.take();
  const outcome = await client.call(checkTask, check);
  expect(outcome).toMatchObject({ kind: 'message', message: { decision } });
  return gate.take();
}

/** Asked for the first time, again, again, and after a while twice: what each time costs. */
async function callsByState(check: CheckRequest): Promise<Readonly<Record<string, readonly string[]>>> {
  const cold = await calls(check);
  const second = await calls(check);
  const warm = await calls(check);
  advanceClock(AGED_MS);
  const aged = await calls(check);
  const agedSecond = await calls(check);
  return { cold, second, warm, aged, agedSecond };
}

describe.each(Object.entries(OWNERS))('what is denied, of %s, and what is absent', (_, { account, owner }) => {
  it.each(CASES)('ask the stores the same for a %s, operation %i, in every state', async (kind, operation) => {
    const denied = await callsByState(request('eve', kind, nextDenied(kind, account), operation));
    const absent = await callsByState(request('eve', kind, nextAbsent(kind), operation));
    expect(absent).toEqual(denied);
    // And something is asked, once, of each store that has to be: the comparison can fail.
    const isLookedUp = kind !== 'task';
    expect(denied['cold']?.map((line) => line.split(':')[0])).toEqual([
      ...(isLookedUp ? ['database', 'redis', 'redis'] : []),
      'spicedb',
    ]);
    expect(denied['aged']).toEqual(denied['cold']);
    const isKept = operation !== DELETE;
    expect(denied['second']).toEqual(isKept ? [] : denied['cold']?.filter((line) => line.startsWith('spicedb')));
    expect(denied['warm']).toEqual(denied['second']);
    expect(denied['agedSecond']).toEqual(denied['second']);
  });

  it('ask the stores the same for each of many children of one denied parent', async () => {
    const first = nextDenied('message', account);
    const denied: (readonly string[])[] = [];
    const absent: (readonly string[])[] = [];
    for (let sibling = 0; sibling < SIBLINGS; sibling += 1) {
      denied.push(await calls(request('eve', 'message', first.replace('-0-', `-${sibling}-`), READ)));
      absent.push(await calls(request('eve', 'message', nextAbsent('message'), READ)));
    }
    expect(absent).toEqual(denied);
    expect(new Set(denied.map((lines) => lines.join()))).toHaveProperty('size', 1);
    expect(denied[0]).toHaveLength(4);
  });

  it('ask the stores the same for what its owner uses all the time', async () => {
    const id = nextDenied('message', account);
    const asOwner = request(owner, 'message', id, READ, account);
    await calls(asOwner, Decision.ALLOWED);
    advanceClock(AGED_MS);
    // The parent is known by now; only the answer has to be asked again.
    expect(await calls(asOwner, Decision.ALLOWED)).toEqual([expect.stringMatching(/^spicedb: check task#read/)]);
    const denied = await callsByState(request('eve', 'message', id, READ));
    expect(await callsByState(request('eve', 'message', nextAbsent('message'), READ))).toEqual(denied);
  });
});
