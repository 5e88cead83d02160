import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { describe, expect, it, vi } from 'vitest';
import type { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import {
  AuthorizationService,
  Decision,
  Operation,
  RegisterResourceRequestSchema,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import { user } from '../support/check-requests.ts';
import { readGraph } from '../support/graph.ts';
import { postGrpc, postHttp1 } from '../support/raw-http.ts';
import { useAllTransports } from '../support/all-transports.ts';
import { TRANSPORT_NAMES } from '../support/transports.ts';

const { registerResource, checkTask } = AuthorizationService.method;
type Request = MessageInitShape<typeof RegisterResourceRequestSchema>;

const started = useAllTransports();

const byId = (type: string, id: string) => ({ type, key: { case: 'id' as const, value: id } });
const byName = (type: string, name: string) => ({ type, key: { case: 'name' as const, value: name } });
const AGENT_1 = byId('agent', 'agent-1');

const graphOf = async (type: string, id: string): Promise<readonly string[]> =>
  (await readGraph(started().chain.reader, [type])).filter((line) => line.startsWith(`${type}:${id}#`));

describe.each(TRANSPORT_NAMES)('RegisterResource over %s', (transport) => {
  const register = async (request: Request) => started().client(transport).call(registerResource, request);
  const newId = (): string => `new-${randomUUID()}`;

  it('makes the principal the owner, in its account, below the parent', async () => {
    const id = newId();
    const outcome = await register({ principal: user('alice'), resource: byId('task', id), parent: AGENT_1 });
    expect(outcome).toMatchObject({ kind: 'message', message: { writtenAt: expect.stringMatching(/./) } });
    expect(await graphOf('task', id)).toEqual([
      `task:${id}#owner@user:alice`,
      `task:${id}#parent@agent:agent-1`,
      `task:${id}#tenant@tenant:acme`,
    ]);
  });

  it('lets the next check see it, with no token passed', async () => {
    const id = newId();
    await register({ principal: user('alice'), resource: byId('task', id) });
    const check: MessageInitShape<typeof CheckTaskRequestSchema> = {
      principal: user('alice'),
      resource: byId('task', id),
      operation: Operation.DELETE,
    };
    const outcome = await started().client(transport).call(checkTask, check);
    expect(outcome).toMatchObject({ message: { decision: Decision.ALLOWED, taskId: id } });
  });

  it.each([
    ['agent', {}],
    ['api_key', { parent: AGENT_1 }],
    ['schedule', { parent: AGENT_1 }],
    ['schedule', {}],
  ])('registers a new %s with %o', async (type, parent) => {
    const id = `${newId()}/with.odd@characters`;
    const outcome = await register({ principal: user('alice'), resource: byId(type, id), ...parent });
    expect(outcome.kind).toBe('message');
    expect((await graphOf(type, id)).length).toBe('parent' in parent ? 3 : 2);
  });

  it('takes the parent by name', async () => {
    const id = newId();
    const parent = byName('agent', 'report-writer');
    expect(await register({ principal: user('alice'), resource: byId('task', id), parent })).toMatchObject({
      kind: 'message',
    });
    expect(await graphOf('task', id)).toContain(`task:${id}#parent@agent:agent-1`);
  });

  it('answers the same registration with a token again, and writes nothing', async () => {
    const id = newId();
    const request: Request = { principal: user('alice'), resource: byId('task', id), parent: AGENT_1 };
    await register(request);
    const before = await readGraph(started().chain.reader);
    const again = await register(request);
    expect(again).toMatchObject({ kind: 'message', message: { writtenAt: expect.stringMatching(/./) } });
    expect(await readGraph(started().chain.reader)).toEqual(before);
  });

  it.each([
    ['another owner', { principal: user('bob'), parent: AGENT_1 }],
    ['another account', { principal: user('alice', 'globex') }],
    [
      'another kind of owner',
      { principal: { subject: { case: 'serviceAccountId', value: 'alice' }, accountId: 'acme' } },
    ],
    ['no parent', { principal: user('alice') }],
    ['another parent', { principal: user('alice'), parent: byId('agent', 'agent-2') }],
  ] satisfies [string, Omit<Request, 'resource'>][])('refuses %s, and leaves the graph as it was', async (_, other) => {
    const id = newId();
    const resource = byId('task', id);
    await register({ principal: user('alice'), resource: byId('agent', 'agent-2') });
    await register({ principal: user('alice'), resource, parent: AGENT_1 });
    const before = await readGraph(started().chain.reader);
    expect(await register({ ...other, resource })).toMatchObject({
      kind: 'error',
      code: 'ALREADY_EXISTS',
      message: 'already registered with another owner, account or parent',
    });
    expect(await readGraph(started().chain.reader)).toEqual(before);
  });

  it('lets exactly one of 64 conflicting calls win', async () => {
    const id = newId();
    const users = Array.from({ length: 64 }, (_, index) => `racer-${index}`);
    const outcomes = await Promise.all(
      users.map(async (name) => register({ principal: user(name), resource: byId('agent', id) })),
    );
    const won = users.filter((_, index) => outcomes[index]?.kind === 'message');
    expect(won).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === 'error' && outcome.code === 'ALREADY_EXISTS')).toHaveLength(
      63,
    );
    expect(await graphOf('agent', id)).toEqual([`agent:${id}#owner@user:${won[0]}`, `agent:${id}#tenant@tenant:acme`]);
  });

  it('lets 64 same calls all succeed', async () => {
    const resource = byId('agent', newId());
    const outcomes = await Promise.all(
      Array.from({ length: 64 }, async () => register({ principal: user('alice'), resource })),
    );
    expect(outcomes.every(({ kind }) => kind === 'message')).toBe(true);
  });

  it.each([
    ['a forbidden parent', byId('agent', 'agent-9')],
    ['an absent parent', byId('agent', 'no-such-agent')],
    ['an absent name', byName('agent', 'no-such-name')],
  ])('answers NOT_FOUND for %s, whatever there is of the resource', async (_, parent) => {
    const ids = ['task-1', newId()];
    for (const id of ids) {
      const before = await graphOf('task', id);
      expect(await register({ principal: user('alice'), resource: byId('task', id), parent })).toMatchObject({
        kind: 'error',
        code: 'NOT_FOUND',
        message: 'not found',
      });
      expect(await graphOf('task', id)).toEqual(before);
    }
  });

  it('opens the tenant gate of an account that is new', async () => {
    const account = `account-${randomUUID()}`;
    const id = newId();
    expect(await register({ principal: user('erin', account), resource: byId('agent', id) })).toMatchObject({
      kind: 'message',
    });
    const check = { principal: user('erin', account), resource: byId('agent', id), operation: Operation.EXECUTE };
    expect(await started().client(transport).call(checkTask, check)).toMatchObject({
      message: { decision: Decision.ALLOWED },
    });
  });

  it('wrote everything or nothing when the caller left, and converges', async () => {
    for (let delayMs = 0; delayMs < 10; delayMs += 1) {
      const id = newId();
      const request: Request = { principal: user('alice'), resource: byId('task', id), parent: AGENT_1 };
      const leaving = new AbortController();
      const call = started().client(transport).call(registerResource, request, { signal: leaving.signal });
      setTimeout(() => leaving.abort(), delayMs);
      await call;
      expect([0, 3]).toContain((await graphOf('task', id)).length);
      expect(await register(request)).toMatchObject({ kind: 'message' });
      expect(await graphOf('task', id)).toHaveLength(3);
    }
  });

  it.each([
    ['no principal', { resource: byId('task', 'x') }, 'principal: must be set'],
    ['no subject', { principal: { accountId: 'acme' }, resource: byId('task', 'x') }, /^principal: must have one of/],
    ['no account', { principal: user('alice', ''), resource: byId('task', 'x') }, /^principal.account_id: /],
    ['no resource', { principal: user('alice') }, 'resource: must be set'],
    [
      'a child type',
      { principal: user('alice'), resource: byId('message', 'x') },
      /^resource.type: message is a child type/,
    ],
    [
      'an unknown type',
      { principal: user('alice'), resource: byId('thing', 'x') },
      'resource.type: is not a configured type',
    ],
    ['*', { principal: user('alice'), resource: byId('task', '*') }, 'resource.id: must be the id of one resource'],
    ['a name', { principal: user('alice'), resource: byName('task', 'x') }, /^resource.name: /],
    ['no id', { principal: user('alice'), resource: byId('task', '') }, /^resource.id: /],
    [
      'a parent of the wrong type',
      { principal: user('alice'), resource: byId('task', 'x'), parent: byId('schedule', 'y') },
      'parent.type: must be agent',
    ],
    [
      'itself as parent',
      { principal: user('alice'), resource: byId('task', 'x'), parent: byId('task', 'x') },
      'parent: must not be the resource itself',
    ],
    [
      '* as parent',
      { principal: user('alice'), resource: byId('task', 'x'), parent: byId('agent', '*') },
      /^parent.id: /,
    ],
    [
      'a parent where there is none',
      { principal: user('alice'), resource: byId('agent', 'x'), parent: AGENT_1 },
      'parent: is not configured for agent',
    ],
  ] satisfies [string, Request, string | RegExp][])(
    'refuses %s by its field, and writes nothing',
    async (_, request, message) => {
      const before = await readGraph(started().chain.reader);
      expect(await register(request)).toMatchObject({
        kind: 'error',
        code: 'INVALID_ARGUMENT',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      });
      expect(await readGraph(started().chain.reader)).toEqual(before);
    },
  );
});

it('is seen by the other replica within a second', async () => {
  const id = `replicated-${randomUUID()}`;
  const check = { principal: user('alice'), resource: byId('task', id), operation: Operation.READ };
  const ask = async () => started().client('gRPC/UDS').call(checkTask, check);
  expect(await ask()).toMatchObject({ message: { decision: Decision.NOT_FOUND } });
  await started()
    .client('gRPC/TCP')
    .call(registerResource, { principal: user('alice'), resource: byId('task', id) });
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ message: { decision: Decision.ALLOWED } }), {
    timeout: 1_000,
    interval: 5,
  });
});

/** All that was sent, but for the time and the random decision id. */
function normalize({ headers, body, trailers }: Awaited<ReturnType<typeof postGrpc>>) {
  const strip = (lines: readonly string[]): string[] =>
    lines.filter((line) => !/^(?:date|taskgate-decision-id):/i.test(line));
  return { headers: strip(headers), body: body.toString('hex'), trailers: strip(trailers) };
}

it('answers a forbidden parent and an absent one with the same bytes', async () => {
  const [gate] = started().gates;
  const path = `/${AuthorizationService.typeName}/RegisterResource`;
  const parents = [
    byId('agent', 'agent-9'),
    byId('agent', 'no-such'),
    byName('agent', 'no-such'),
    byName('agent', 'globex-bot'),
  ];
  const answers = await Promise.all(
    parents.flatMap((parent) =>
      ['task-1', 'a-new-task'].map(async (id) => {
        const message = create(RegisterResourceRequestSchema, {
          principal: user('alice'),
          resource: byId('task', id),
          parent,
        });
        const body = toJsonString(RegisterResourceRequestSchema, message);
        return {
          grpc: normalize(await postGrpc(gate.addresses.grpc, path, toBinary(RegisterResourceRequestSchema, message))),
          json: normalize(
            await postHttp1(`http://${gate.addresses.http}${path}`, { 'content-type': 'application/json' }, body),
          ),
        };
      }),
    ),
  );
  expect(answers[0]?.grpc.headers).toContain('grpc-status: 5');
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});
