import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { GrantRoleRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { AuthorizationService, Decision, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { AllTransports } from '../support/all-transports.ts';
import { useAllTransports } from '../support/all-transports.ts';
import { user } from '../support/check-requests.ts';
import { readGraph } from '../support/graph.ts';
import { callContext } from '../support/spicedb.ts';
import { startWithStores } from '../support/taskgate.ts';
import { createGrpcClient, TRANSPORT_NAMES } from '../support/transports.ts';

const { registerResource, deregisterResource, grantRole, revokeRole, checkTask } = AuthorizationService.method;
type Request = Omit<MessageInitShape<typeof GrantRoleRequestSchema>, '$typeName' | '$unknown'>;
type Subject = NonNullable<NonNullable<Request['subject']>['subject']>;

const started = useAllTransports();
const byId = (type: string, id: string) => ({ type, key: { case: 'id' as const, value: id } });
const toUser = (value: string) => ({ subject: { case: 'userId', value } satisfies Subject });
const toServiceAccount = (value: string) => ({ subject: { case: 'serviceAccountId', value } satisfies Subject });

const rolesOf = async ({ chain }: AllTransports, id: string): Promise<readonly string[]> =>
  (await readGraph(chain.reader, ['task']))
    .filter((line) => line.startsWith(`task:${id}#`) && !line.includes('#tenant@'))
    .map((line) => line.slice(line.indexOf('#') + 1));

describe.each(TRANSPORT_NAMES)('roles over %s', (transport) => {
  const client = () => started().client(transport);
  const grant = async (request: Request) => client().call(grantRole, request);
  const revoke = async (request: Request) => client().call(revokeRole, request);
  const registerTask = async (): Promise<string> => {
    const id = `shared-${randomUUID()}`;
    await client().call(registerResource, { principal: user('alice'), resource: byId('task', id) });
    return id;
  };
  const decide = async (id: string, who: string, operation: Operation) => {
    const outcome = await client().call(checkTask, { principal: user(who), resource: byId('task', id), operation });
    return outcome.kind === 'message' ? Decision[outcome.message.decision] : outcome.code;
  };

  it.each([
    ['owner', Role.OWNER, Operation.SHARE],
    ['editor', Role.EDITOR, Operation.UPDATE],
    ['viewer', Role.VIEWER, Operation.READ],
    ['executor', Role.EXECUTOR, Operation.EXECUTE],
  ])('gives and takes %s, which the next check sees', async (name, role, operation) => {
    const id = await registerTask();
    const request = { principal: user('alice'), resource: byId('task', id), role, subject: toUser('erin') };
    expect(await decide(id, 'erin', operation)).toBe('NOT_FOUND');
    expect(await grant(request)).toMatchObject({ message: { writtenAt: expect.stringMatching(/./) } });
    expect(await decide(id, 'erin', operation)).toBe('ALLOWED');
    expect(await rolesOf(started(), id)).toContain(`${name}@user:erin`);
    expect(await revoke(request)).toMatchObject({ message: { writtenAt: expect.stringMatching(/./) } });
    expect(await decide(id, 'erin', operation)).toBe('NOT_FOUND');
    expect(await rolesOf(started(), id)).toEqual(['owner@user:alice']);
  });

  it('gives roles to service accounts, which are nobody of the same name', async () => {
    const id = await registerTask();
    const request = { principal: user('alice'), resource: byId('task', id), role: Role.VIEWER };
    await grant({ ...request, subject: toServiceAccount('erin') });
    expect(await rolesOf(started(), id)).toEqual(['owner@user:alice', 'viewer@service_account:erin']);
    expect(await decide(id, 'erin', Operation.READ)).toBe('NOT_FOUND');
  });

  it('changes nothing when it is done again', async () => {
    const id = await registerTask();
    const request = {
      principal: user('alice'),
      resource: byId('task', id),
      role: Role.VIEWER,
      subject: toUser('erin'),
    };
    for (const change of [grant, grant, revoke, revoke]) expect((await change(request)).kind).toBe('message');
    expect(await rolesOf(started(), id)).toEqual(['owner@user:alice']);
  });

  it('takes the resource by name', async () => {
    const resource = { type: 'task', key: { case: 'name' as const, value: 'quarterly-report' } };
    const request = { principal: user('alice'), resource, role: Role.VIEWER, subject: toUser(`v-${randomUUID()}`) };
    expect(await grant(request)).toMatchObject({ kind: 'message' });
    expect(await rolesOf(started(), 'task-1')).toContain(`viewer@user:${request.subject.subject.value}`);
    expect(await revoke(request)).toMatchObject({ kind: 'message' });
  });

  it.each([
    ['an editor', 'bob', 'task-1', 'acme'],
    ['a viewer', 'carol', 'task-1', 'acme'],
    ['nobody', 'dave', 'task-1', 'acme'],
    ['the owner in another account', 'alice', 'task-1', 'globex'],
    ['anybody on what is absent', 'alice', 'no-such-task', 'acme'],
    ['anybody on what is not registered', 'alice', 'task-5', 'acme'],
  ])('answers NOT_FOUND to %s, and changes nothing', async (_, who, id, account) => {
    const before = await readGraph(started().chain.reader);
    const request = {
      principal: user(who, account),
      resource: byId('task', id),
      role: Role.VIEWER,
      subject: toUser(who),
    };
    for (const change of [grant, revoke]) {
      expect(await change(request)).toMatchObject({ kind: 'error', code: 'NOT_FOUND', message: 'not found' });
    }
    expect(await readGraph(started().chain.reader)).toEqual(before);
  });

  it('never removes the last owner, however many try at once', async () => {
    const id = await registerTask();
    const shared = { resource: byId('task', id), role: Role.OWNER };
    const owners = ['alice', ...Array.from({ length: 7 }, (_, index) => `owner-${index}`)];
    for (const owner of owners) await grant({ ...shared, principal: user('alice'), subject: toUser(owner) });
    const outcomes = await Promise.all(
      owners.map(async (owner) => revoke({ ...shared, principal: user(owner), subject: toUser(owner) })),
    );
    const left = await rolesOf(started(), id);
    expect(left.length).toBeGreaterThanOrEqual(1);
    expect(left.length).toBe(outcomes.filter(({ kind }) => kind === 'error').length);
    const last = left[0]?.replace('owner@user:', '') ?? '';
    for (const other of left.slice(1)) {
      await revoke({ ...shared, principal: user(last), subject: toUser(other.replace('owner@user:', '')) });
    }
    expect(await revoke({ ...shared, principal: user(last), subject: toUser(last) })).toMatchObject({
      kind: 'error',
      code: 'FAILED_PRECONDITION',
      message: 'role: the last owner can not be removed',
    });
    expect(await rolesOf(started(), id)).toEqual([`owner@user:${last}`]);
  });

  it('gives no role on what is being deregistered', async () => {
    const id = await registerTask();
    const resource = byId('task', id);
    const grants = Array.from({ length: 16 }, async (_, index) =>
      grant({ principal: user('alice'), resource, role: Role.VIEWER, subject: toUser(`late-${index}`) }),
    );
    const deregistered = client().call(deregisterResource, { principal: user('alice'), resource });
    await Promise.all([...grants, deregistered]);
    expect(await deregistered).toMatchObject({ kind: 'message' });
    const left = (await readGraph(started().chain.reader, ['task'])).filter((line) => line.startsWith(`task:${id}#`));
    expect(left).toEqual([]);
  });

  it.each([
    ['no role', { role: Role.UNSPECIFIED }, 'role: must be set'],
    ['an unknown role', { role: 99 as Role }, 'role: is not a known role'],
    ['no subject', { subject: {} }, 'subject: must have one of user_id, service_account_id'],
    ['* as subject', { subject: toUser('*') }, 'subject.user_id: must not be "*"'],
    ['an empty subject', { subject: toServiceAccount('') }, /^subject.service_account_id: /],
    ['* as resource', { resource: byId('task', '*') }, /^resource.id: /],
    ['a child type', { resource: byId('message', 'msg-1') }, /^resource.type: /],
    [
      'a role that the type does not have',
      { resource: byId('api_key', 'key-1'), role: Role.EXECUTOR },
      'role: executor is not a role of api_key; there are owner, editor, viewer',
    ],
  ] satisfies [string, Request, string | RegExp][])(
    'refuses %s by its field, and changes nothing',
    async (_, wrong, message) => {
      const before = await readGraph(started().chain.reader);
      const right = {
        principal: user('alice'),
        resource: byId('task', 'task-1'),
        role: Role.VIEWER,
        subject: toUser('erin'),
      };
      for (const change of [grant, revoke]) {
        expect(await change({ ...right, ...wrong })).toMatchObject({
          kind: 'error',
          code: 'INVALID_ARGUMENT',
          message: typeof message === 'string' ? message : expect.stringMatching(message),
        });
      }
      expect(await readGraph(started().chain.reader)).toEqual(before);
    },
  );
});

it('a grant between the tombstone and the rest is refused', async () => {
  const { chain } = started();
  const client = started().client('gRPC/TCP');
  const resource = byId('task', `torn-${randomUUID()}`);
  await client.call(registerResource, { principal: user('alice'), resource });
  const object = { kind: 'resource', type: 'task', id: resource.key.value } as const;
  await chain.writer.removeAll({ object, relation: 'tenant' }, {}, callContext());
  const outcome = await client.call(grantRole, {
    principal: user('alice'),
    resource,
    role: Role.VIEWER,
    subject: toUser('erin'),
  });
  expect(outcome).toMatchObject({ code: 'NOT_FOUND' });
});

it('tells a reader that it may not share where the deployment reveals what is readable', async () => {
  await using revealing = await startWithStores(started().stores, { yaml: '{denials: {reveal_readable: true}}' });
  await using client = createGrpcClient('gRPC', revealing.addresses.grpc);
  const ask = async (who: string) =>
    client.call(grantRole, {
      principal: user(who),
      resource: byId('task', 'task-1'),
      role: Role.VIEWER,
      subject: toUser('erin'),
    });
  expect(await ask('carol')).toMatchObject({ code: 'PERMISSION_DENIED', message: 'forbidden' });
  expect(await ask('dave')).toMatchObject({ code: 'NOT_FOUND' });
});
