import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it, vi } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import type { DeregisterResourceRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { useAllTransports } from '../support/all-transports.ts';
import { user } from '../support/check-requests.ts';
import { readGraph } from '../support/graph.ts';
import { callContext } from '../support/spicedb.ts';
import { TRANSPORT_NAMES } from '../support/transports.ts';

const { registerResource, deregisterResource, checkTask } = AuthorizationService.method;
type Request = MessageInitShape<typeof DeregisterResourceRequestSchema>;

const started = useAllTransports();
const byId = (type: string, id: string) => ({ type, key: { case: 'id' as const, value: id } });
const graph = async () => readGraph(started().chain.reader);

describe.each(TRANSPORT_NAMES)('DeregisterResource over %s', (transport) => {
  const client = () => started().client(transport);
  const deregister = async (request: Request) => client().call(deregisterResource, request);
  const registerTask = async (owner = 'alice') => {
    const resource = byId('task', `going-${randomUUID()}`);
    await client().call(registerResource, { principal: user(owner), resource, parent: byId('agent', 'agent-1') });
    return resource;
  };

  it('removes all of it, and nothing else', async () => {
    const before = await graph();
    const resource = await registerTask();
    expect(await deregister({ principal: user('alice'), resource })).toMatchObject({
      kind: 'message',
      message: { writtenAt: expect.stringMatching(/./) },
    });
    expect(await graph()).toEqual(before);
  });

  it('lets the next check see it, with no token passed', async () => {
    const resource = await registerTask();
    const check = { principal: user('alice'), resource, operation: Operation.READ };
    expect(await client().call(checkTask, check)).toMatchObject({ message: { decision: Decision.ALLOWED } });
    await deregister({ principal: user('alice'), resource });
    expect(await client().call(checkTask, check)).toMatchObject({ message: { decision: Decision.NOT_FOUND } });
  });

  it('is success again, and for what was never there', async () => {
    const resource = await registerTask();
    for (const each of [resource, resource, byId('task', 'never-there')]) {
      expect(await deregister({ principal: user('alice'), resource: each })).toMatchObject({
        kind: 'message',
        message: { writtenAt: expect.stringMatching(/./) },
      });
    }
  });

  it('leaves what belongs to another account, and does not say so', async () => {
    const before = await graph();
    expect(await deregister({ principal: user('alice'), resource: byId('task', 'task-9') })).toMatchObject({
      kind: 'message',
    });
    expect(await graph()).toEqual(before);
  });

  it('is done by whoever the application says, owner or not', async () => {
    const before = await graph();
    const resource = await registerTask();
    await deregister({ principal: user('dave'), resource });
    expect(await graph()).toEqual(before);
  });

  it.each([
    ['no principal', { resource: byId('task', 'x') }, 'principal: must be set'],
    ['no resource', { principal: user('alice') }, 'resource: must be set'],
    ['a child type', { principal: user('alice'), resource: byId('message', 'msg-1') }, /^resource.type: /],
    ['*', { principal: user('alice'), resource: byId('task', '*') }, /^resource.id: /],
    [
      'a name',
      { principal: user('alice'), resource: { type: 'task', key: { case: 'name', value: 'quarterly-report' } } },
      /^resource.name: /,
    ],
  ] satisfies [string, Request, string | RegExp][])('refuses %s by its field', async (_, request, message) => {
    const before = await graph();
    expect(await deregister(request)).toMatchObject({
      kind: 'error',
      code: 'INVALID_ARGUMENT',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
    expect(await graph()).toEqual(before);
  });
});

const viewers = (id: string, count: number): Relationship[] =>
  Array.from({ length: count }, (_, index) => ({
    object: { kind: 'resource', type: 'task', id },
    relation: 'viewer',
    subject: { kind: 'principal', principalKind: 'user', id: `viewer-${index}` },
  }));

it('removes more than SpiceDB removes at once, as object and as subject', async () => {
  const { chain } = started();
  const before = await graph();
  const client = started().client('gRPC/TCP');
  const agent = byId('agent', `big-${randomUUID()}`);
  const task = byId('task', `big-${randomUUID()}`);
  await client.call(registerResource, { principal: user('alice'), resource: agent });
  await client.call(registerResource, { principal: user('alice'), resource: task, parent: agent });
  for (let at = 0; at < 2_500; at += 500) {
    await chain.writer.touch(viewers(task.key.value, at + 500).slice(at), callContext());
    const asSubject = Array.from({ length: 500 }, (_, index): Relationship => ({
      object: { kind: 'resource', type: 'task', id: `of-big-${at + index}` },
      relation: 'parent',
      subject: { kind: 'object', object: { kind: 'resource', type: 'agent', id: agent.key.value } },
    }));
    await chain.writer.touch(asSubject, callContext());
  }
  expect((await graph()).length).toBeGreaterThan(before.length + 5_000);
  for (const resource of [task, agent]) {
    expect(await client.call(deregisterResource, { principal: user('alice'), resource })).toMatchObject({
      kind: 'message',
    });
  }
  expect(await graph()).toEqual(before);
});

it('is closed to everyone from its first write on, whatever is still to be removed', async () => {
  const { chain } = started();
  const resource = byId('task', `torn-${randomUUID()}`);
  const client = started().client('gRPC/TCP');
  await client.call(registerResource, { principal: user('alice'), resource });
  // What a crash after the first write leaves.
  await chain.writer.removeAll(
    { object: { kind: 'resource', type: 'task', id: resource.key.value }, relation: 'tenant' },
    {},
    callContext(),
  );
  const check = { principal: user('alice'), resource, operation: Operation.READ };
  await vi.waitFor(async () =>
    expect(await client.call(checkTask, check)).toMatchObject({ message: { decision: Decision.NOT_FOUND } }),
  );
  const left = async () => (await graph()).filter((line) => line.startsWith(`task:${resource.key.value}#`));
  expect(await left()).toHaveLength(1);
  expect(await client.call(registerResource, { principal: user('bob'), resource })).toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await client.call(deregisterResource, { principal: user('alice'), resource });
  expect(await left()).toEqual([]);
});

it('is seen by the other replica within a second', async () => {
  const resource = byId('task', `replicated-${randomUUID()}`);
  const check = { principal: user('alice'), resource, operation: Operation.READ };
  const ask = async () => started().client('gRPC/UDS').call(checkTask, check);
  await started()
    .client('gRPC/TCP')
    .call(registerResource, { principal: user('alice'), resource });
  const within = { timeout: 1_000, interval: 5 };
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ message: { decision: Decision.ALLOWED } }), within);
  await started()
    .client('gRPC/TCP')
    .call(deregisterResource, { principal: user('alice'), resource });
  await vi.waitFor(
    async () => expect(await ask()).toMatchObject({ message: { decision: Decision.NOT_FOUND } }),
    within,
  );
});
