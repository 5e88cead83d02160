import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromResponse } from '../../clients/typescript/src/check.ts';
import type { Check, TaskgateClient, TaskgateClientOptions } from '../../clients/typescript/src/client.ts';
import { createTaskgateClient } from '../../clients/typescript/src/client.ts';
import { CouldNotTellError, MisuseError, toClientError } from '../../clients/typescript/src/errors.ts';
import { CheckTaskResponseSchema } from '../../clients/typescript/src/gen/taskgate/v1/authorization_pb.js';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import { useTaskgate } from '../support/taskgate.ts';
import { readMessage, startSilentPort } from './support.ts';

const gate = useTaskgate();
const overSocket = useTaskgate({ grpc: 'socket' });

const ENDPOINTS: readonly { readonly name: string; readonly options: () => TaskgateClientOptions }[] = [
  { name: 'connect', options: () => ({ transport: 'connect', baseUrl: `http://${gate().addresses.http}` }) },
  { name: 'grpc', options: () => ({ transport: 'grpc', target: gate().addresses.grpc }) },
  { name: 'grpc over a socket', options: () => ({ transport: 'grpc', target: overSocket().addresses.grpc }) },
];

describe.each(ENDPOINTS)('the client over $name', ({ options }) => {
  let client: TaskgateClient;
  beforeAll(() => {
    client = createTaskgateClient({ ...options(), timeoutMs: 5_000 });
  });
  afterAll(() => client.close());

  it('tells the task and the revision of what is allowed', async () => {
    const answer = await client.check(readMessage('alice', 'msg-1'));
    expect(answer).toEqual({ kind: 'allowed', taskId: 'task-1', checkedAt: expect.stringMatching(/./) });
  });

  it('tells no task where none exists', async () => {
    const check: Check = { ...readMessage('alice', '*'), resource: { type: 'task', id: '*' }, operation: 'create' };
    expect(await client.check(check)).toMatchObject({ kind: 'allowed', taskId: undefined });
  });

  it.each([
    ['denied', readMessage('dave', 'msg-1')],
    ['absent', readMessage('dave', 'no-such-msg')],
    ["another account's", readMessage('alice', 'msg-9')],
    ['an unknown name', { ...readMessage('alice', ''), resource: { type: 'task', name: 'no-such-name' } }],
  ] satisfies [string, Check][])('gives one answer for what is not found: %s', async (_, check) => {
    expect(await client.check(check)).toEqual({ kind: 'not-found' });
  });

  it('sends all that a check can say', async () => {
    const first = await client.check({ ...readMessage('bob', 'msg-1'), consistency: { kind: 'fully-consistent' } });
    if (first.kind !== 'allowed') throw new Error(first.kind);
    const principal = { userId: 'alice', accountId: 'acme' };
    const checks: readonly Check[] = [
      { ...readMessage('bob', 'msg-1'), consistency: { kind: 'at-least-as-fresh', token: first.checkedAt } },
      { principal, resource: { type: 'task', name: 'free-name' }, operation: 'update', createIfAbsent: true },
      {
        principal,
        resource: { type: 'message', id: '*' },
        operation: 'create',
        parent: { type: 'task', id: 'task-1' },
      },
    ];
    for (const check of checks) expect(await client.check(check)).toMatchObject({ kind: 'allowed' });
  });

  it('makes what taskgate refuses a mistake of the application, and not an answer', async () => {
    await expect(client.check({ ...readMessage('alice', '*'), operation: 'read' })).rejects.toThrow(MisuseError);
  });

  it.each([undefined, '', ['msg-1'], { toString: 'msg-1' }])('refuses an id that is no text: %j', async (id) => {
    await expect(client.check(readMessage('alice', id as string))).rejects.toThrow(
      'resource.id: must be a text that is not empty',
    );
  });

  it('refuses an id that can not be sent', async () => {
    const check = client.check(readMessage('alice', 'msg-\ud800'));
    await expect(check).rejects.toThrow('resource.id: must be well-formed Unicode');
  });

  it('ends the wait with the signal', async () => {
    const check = client.check(readMessage('alice', 'msg-1'), { signal: AbortSignal.abort() });
    await expect(check).rejects.toMatchObject({ name: 'CouldNotTellError', code: 'canceled' });
  });

  it('offers every RPC', async () => {
    const events = [];
    const principal = { subject: { case: 'userId', value: 'alice' }, accountId: 'acme' } as const;
    for await (const { event } of client.rpc.listReadableTasks({ principal })) events.push(event.case);
    expect(events).toEqual(['page', 'complete']);
  });
});

describe('a taskgate that is not well', () => {
  it.each([
    ['connect', (address: string) => ({ transport: 'connect', baseUrl: `http://${address}` }) as const],
    ['grpc', (address: string) => ({ transport: 'grpc', target: address }) as const],
  ])('is given up at the deadline if it never answers: %s', async (_, options) => {
    await using silent = await startSilentPort();
    using client = createTaskgateClient({ ...options(silent.address), timeoutMs: 100 });
    const startedMs = performance.now();
    await expect(client.check(readMessage('alice', 'msg-1'))).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const longer = client.check(readMessage('alice', 'msg-1'), { timeoutMs: 150 });
    await expect(longer).rejects.toThrow(CouldNotTellError);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it.each([
    ['connect', { transport: 'connect', baseUrl: 'http://127.0.0.1:1' }],
    ['grpc', { transport: 'grpc', target: '127.0.0.1:1' }],
  ] satisfies [string, TaskgateClientOptions][])('is unavailable if nobody listens: %s', async (_, options) => {
    using client = createTaskgateClient({ ...options, timeoutMs: 10_000 });
    await expect(client.check(readMessage('alice', 'msg-1'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is no answer if the socket is not there', async () => {
    using client = createTaskgateClient({ transport: 'grpc', target: 'unix:/no/such.sock' });
    await expect(client.check(readMessage('alice', 'msg-1'))).rejects.toThrow(CouldNotTellError);
  });

  it('is no answer if something else listens there', async () => {
    using client = createTaskgateClient({ transport: 'connect', baseUrl: `http://${gate().addresses.admin}` });
    await expect(client.check(readMessage('alice', 'msg-1'))).rejects.toThrow(CouldNotTellError);
  });
});

describe('a taskgate that wants to know who asks', () => {
  const gates = useTokenTaskgates();

  it.each(['connect', 'grpc'] as const)('is shown the token over %s, which may change', async (transport) => {
    const { tcp, tokens } = gates();
    let token = 'not-known';
    const endpoint = { transport, baseUrl: `http://${tcp.addresses.http}`, target: tcp.addresses.grpc };
    using client = createTaskgateClient({ ...endpoint, token: () => token });
    const check = readMessage('alice', 'msg-1');
    await expect(client.check(check)).rejects.toMatchObject({ name: 'CouldNotTellError', code: 'unauthenticated' });
    token = tokens.filter;
    await expect(client.check(check)).rejects.toMatchObject({ name: 'CouldNotTellError', code: 'permission_denied' });
    token = tokens.check;
    expect(await client.check(check)).toMatchObject({ kind: 'allowed' });
  });
});

describe('what is thrown', () => {
  const codes = Object.values(Code).filter((code) => typeof code === 'number');

  it.each(codes)('becomes one of two errors, whatever the code: %i', (code) => {
    const error = toClientError(new ConnectError('no', code));
    expect(error.name).toBe(code === Code.InvalidArgument ? 'MisuseError' : 'CouldNotTellError');
  });

  it.each([0, 4, 99])('a decision that is not known is none: %i', (decision) => {
    const response = create(CheckTaskResponseSchema, { decision: decision as 0, taskId: 'task-1' });
    expect(() => fromResponse(response)).toThrow(CouldNotTellError);
  });
});

describe('the options', () => {
  it.each([0, -1, Number.NaN, 60_001, Number.POSITIVE_INFINITY])('refuse a deadline of %d ms', (timeoutMs) => {
    expect(() => createTaskgateClient({ transport: 'grpc', target: '127.0.0.1:1', timeoutMs })).toThrow(RangeError);
  });

  it('refuse a token that could forge a header, without saying it', () => {
    const options = { transport: 'grpc', target: '127.0.0.1:1', token: 'secret\r\nx: y' } as const;
    expect(() => createTaskgateClient(options)).toThrow('the token is not printable ASCII');
  });

  it.each(['ftp://127.0.0.1', 'no url'])('refuse the address %s', (baseUrl) => {
    expect(() => createTaskgateClient({ transport: 'connect', baseUrl })).toThrow(TypeError);
  });
});
