import { AuthorizationService, Operation, Role } from '../../../src/gen/taskgate/v1/authorization_pb.js';
import { item, user } from '../../support/check-requests.ts';
import type { TestClient } from '../../support/transports.ts';
import type { Told } from './ask.ts';
import { ask, toDecision, told, toResult, toWritten } from './ask.ts';
import type { Rpc } from './cells.ts';
import { createWorld } from './world.ts';
import type { World } from './world.ts';

const { method } = AuthorizationService;

/** Something that may be done, the one right answer to it, and a world of its own. */
export interface Scenario {
  readonly name: string;
  readonly world: World;
  readonly right: Told;
  readonly run: (client: TestClient, options: { readonly signal: AbortSignal }) => Promise<Told>;
}

/**
 * Between them, every call that taskgate makes to SpiceDB for an RPC: a single check first, bulk checks, a lookup, writes that create,
 * touch and remove, deletions, and reads of what is registered already and of who else is an owner.
 */
export function createScenarios(key: string): readonly Scenario[] {
  const worldOf = (name: string, rpc: Rpc = 'CheckTask'): World =>
    createWorld(`${key}-${name}`, { rpc, state: 'allow', warmth: 'cold' });
  const plain = (rpc: Rpc, right: Told): Scenario => {
    const world = worldOf(rpc, rpc);
    return { name: rpc, world, right, run: async (client, options) => ask(client, world, options) };
  };
  const [batched, filtered, again, owners] = [worldOf('batch'), worldOf('filter'), worldOf('again'), worldOf('owners')];
  const creating = worldOf('creating');
  return [
    {
      name: 'may it create',
      world: creating,
      right: 'ALLOWED',
      async run(client, options) {
        const resource = { type: 'task', key: { case: 'id' as const, value: '*' } };
        const request = { principal: user(creating.owner), resource, operation: Operation.CREATE };
        return told(await client.call(method.checkTask, request, options), toDecision);
      },
    },
    plain('CheckTask', 'ALLOWED'),
    plain('ListReadableTasks', 'listed'),
    plain('RegisterResource', 'written'),
    plain('GrantRole', 'written'),
    plain('RevokeRole', 'written'),
    plain('DeregisterResource', 'written'),
    {
      name: 'a batch of two',
      world: batched,
      right: 'ALLOWED, NOT_FOUND',
      async run(client, options) {
        const checks = [item('message', batched.message), item('message', batched.none)];
        const outcome = await client.call(method.batchCheckTask, { principal: user(batched.owner), checks }, options);
        return told(outcome, ({ results }) => [...new Set(results.map(toResult))].join(', '));
      },
    },
    {
      name: 'a filter of two',
      world: filtered,
      right: filtered.task,
      async run(client, options) {
        const resources = [item('task', filtered.task).resource, item('task', filtered.none).resource];
        const request = { principal: user(filtered.owner), resources };
        const outcome = await client.call(method.filterReadableTasks, request, options);
        return told(outcome, (message) => message.resources.map(({ key: { value } }) => value).join(', '));
      },
    },
    {
      name: 'registering again',
      world: again,
      right: 'written',
      async run(client, options) {
        const request = { principal: user(again.owner), resource: item('task', again.task).resource };
        return told(await client.call(method.registerResource, request, options), toWritten);
      },
    },
    {
      name: 'revoking one of two owners',
      world: owners,
      right: 'written',
      async run(client, options) {
        const request = {
          principal: user(owners.owner),
          resource: item('task', owners.task).resource,
          role: Role.OWNER,
          subject: { subject: { case: 'userId' as const, value: owners.partner } },
        };
        return told(await client.call(method.revokeRole, request, options), toWritten);
      },
    },
  ];
}
