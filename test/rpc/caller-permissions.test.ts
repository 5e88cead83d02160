import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import type { CallerPermission } from '../../src/domain/caller.ts';
import { CALLER_PERMISSIONS } from '../../src/domain/caller.ts';
import { AuthorizationService, CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { PERMISSION_BY_METHOD } from '../../src/rpc/caller-permissions.ts';
import { bearer, createCallerClients } from '../support/caller-clients.ts';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import type { MethodName } from '../support/every-rpc.ts';
import { callAny, requestsAbout } from '../support/every-rpc.ts';
import type { RawResponse } from '../support/raw-http.ts';
import { frameGrpcMessage, postGrpc, postHttp1 } from '../support/raw-http.ts';
import type { TestClient } from '../support/transports.ts';
import { createGrpcClient } from '../support/transports.ts';
import { Metadata } from '@grpc/grpc-js';

const METHODS = Object.keys(PERMISSION_BY_METHOD) as MethodName[];
/** What needs which permission, said once more: the table of the code must not drift alone. */
const NEEDED: Readonly<Record<MethodName, CallerPermission>> = {
  checkTask: 'check',
  batchCheckTask: 'check',
  filterReadableTasks: 'filter',
  listReadableTasks: 'filter',
  registerResource: 'write',
  deregisterResource: 'write',
  grantRole: 'write',
  revokeRole: 'write',
};
const TRANSPORTS = ['gRPC', 'gRPC/UDS', 'Connect JSON', 'Connect binary', 'gRPC-Web'] as const;
const PATH = `/${AuthorizationService.typeName}/CheckTask`;

const gates = useTokenTaskgates();

function clientOf(transport: (typeof TRANSPORTS)[number], authorization?: string): TestClient {
  if (transport === 'gRPC/UDS') {
    const metadata = new Metadata();
    if (authorization !== undefined) metadata.set('authorization', authorization);
    return createGrpcClient(transport, gates().socket.addresses.grpc, {}, { metadata });
  }
  const found = createCallerClients({
    addresses: gates().tcp.addresses,
    ...(authorization === undefined ? {} : { authorization }),
  }).find(({ name }) => name === transport);
  if (found === undefined) throw new Error(`no client for ${transport}`);
  return found;
}

/** What callers may not do, as one word; whatever else came back has got past authentication. */
async function outcome(client: TestClient, method: MethodName, taskId = 'task-none'): Promise<string> {
  const result = await callAny(client, method, requestsAbout(taskId)[method]);
  if (result.kind === 'message') return 'passed';
  const refused = ['UNAUTHENTICATED', 'PERMISSION_DENIED'].includes(result.code);
  return refused ? `${result.code}: ${result.message}` : 'passed';
}

it('covers every RPC', () => {
  expect(METHODS.toSorted()).toEqual(Object.keys(AuthorizationService.method).toSorted());
  expect(PERMISSION_BY_METHOD).toEqual(NEEDED);
});

describe.each(TRANSPORTS)('over %s', (transport) => {
  it.each(CALLER_PERMISSIONS)(
    'a caller with the permission %s alone may do what needs it, and nothing else',
    async (held) => {
      await using client = clientOf(transport, bearer(gates().tokens[held]));
      const seen: string[][] = [];
      for (const method of METHODS) seen.push([method, await outcome(client, method)]);
      const expected = METHODS.map((method) => [
        method,
        NEEDED[method] === held ? 'passed' : `PERMISSION_DENIED: the caller lacks the permission ${NEEDED[method]}`,
      ]);
      expect(seen).toEqual(expected);
    },
  );

  it('a caller without a token is not known, unless the socket says who it is', async () => {
    await using client = clientOf(transport);
    for (const method of METHODS) {
      const allowed =
        NEEDED[method] === 'check' ? 'passed' : `PERMISSION_DENIED: the caller lacks the permission ${NEEDED[method]}`;
      const expected = transport === 'gRPC/UDS' ? allowed : 'UNAUTHENTICATED: the caller is not authenticated';
      expect([method, await outcome(client, method)]).toEqual([method, expected]);
    }
  });
});

type Send = (authorization: string | undefined, body: Uint8Array | string) => Promise<RawResponse>;

const headersOf = (authorization: string | undefined) => (authorization === undefined ? {} : { authorization });
const url = () => `http://${gates().tcp.addresses.http}${PATH}`;
const RAW: Readonly<Record<string, Send>> = {
  gRPC: async (authorization, body) =>
    postGrpc(gates().tcp.addresses.grpc, PATH, Buffer.from(body), { headers: headersOf(authorization) }),
  'Connect JSON': async (authorization, body) =>
    postHttp1(url(), { 'content-type': 'application/json', ...headersOf(authorization) }, Buffer.from(body)),
  'Connect binary': async (authorization, body) =>
    postHttp1(url(), { 'content-type': 'application/proto', ...headersOf(authorization) }, Buffer.from(body)),
  'gRPC-Web': async (authorization, body) =>
    postHttp1(
      url(),
      { 'content-type': 'application/grpc-web+proto', ...headersOf(authorization) },
      frameGrpcMessage(Buffer.from(body)),
    ),
};

function requestFor(transport: string, userId: string, id: string): Uint8Array | string {
  const message = create(CheckTaskRequestSchema, {
    principal: { subject: { case: 'userId', value: userId }, accountId: 'acme' },
    resource: { type: 'task', key: { case: 'id', value: id } },
    operation: 2,
  });
  return transport === 'Connect JSON'
    ? toJsonString(CheckTaskRequestSchema, message)
    : toBinary(CheckTaskRequestSchema, message);
}

/** All that was sent, but for the time, and the random decision id, of which only the length counts. */
function visible({ headers, body, trailers }: RawResponse): string {
  const strip = (lines: readonly string[]): string =>
    lines
      .filter((line) => !/^date:/i.test(line))
      .join('\n')
      .replaceAll(/(taskgate-decision-id: )(.*)/gi, (_, name: string, id: string) => `${name}${id.length}`);
  return [strip(headers), body.toString('latin1'), strip(trailers)].join('\n\n');
}

describe.each(Object.entries(RAW))('the bytes over %s', (transport, send) => {
  it('are the same whatever is wrong with the credentials, and whatever is asked', async () => {
    const { tokens } = gates();
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      tokens.check,
      bearer('unknown-unknown-unknown-unknown'),
      bearer(`${tokens.check}x`),
      bearer(tokens.check.slice(1)),
      `Basic ${tokens.check}`,
      `Bearer ${tokens.check}, Bearer ${tokens.check}`,
      bearer('a'.repeat(2_000)),
    ];
    const asked = [
      requestFor(transport, 'alice', 'task-1'),
      requestFor(transport, 'alice', 'task-none'),
      requestFor(transport, '', ''),
      '\xff not a message',
    ];
    const seen = new Set<string>();
    for (const authorization of wrong) {
      for (const body of asked) seen.add(visible(await send(authorization, body)));
    }
    expect([...seen]).toEqual([
      expect.stringMatching(/the(?: |%20)caller(?: |%20)is(?: |%20)not(?: |%20)authenticated/),
    ]);
  });

  it('are the same for a caller that lacks the permission, whatever is there', async () => {
    const asked = [
      requestFor(transport, 'alice', 'task-1'),
      requestFor(transport, 'dave', 'task-1'),
      requestFor(transport, 'alice', 'task-none'),
      requestFor(transport, '', ''),
      '\xff not a message',
    ];
    const seen = new Set<string>();
    for (const body of asked) seen.add(visible(await send(bearer(gates().tokens.filter), body)));
    expect([...seen]).toEqual([
      expect.stringMatching(/the(?: |%20)caller(?: |%20)lacks(?: |%20)the(?: |%20)permission(?: |%20)check/),
    ]);
  });

  it('are others for a caller that may ask: the comparison can fail', async () => {
    const body = requestFor(transport, 'alice', 'task-1');
    const allowed = visible(await send(bearer(gates().tokens.check), body));
    expect(allowed).not.toMatch(/the(?: |%20)caller/);
    expect(allowed).not.toBe(visible(await send(undefined, body)));
  });
});

it('the name of the caller is in the decision log and a metric, and no token is', async () => {
  const { tcp, tokens, decisionLog } = gates();
  await using client = clientOf('gRPC', bearer(tokens.check));
  await outcome(client, 'checkTask', 'task-1');
  await outcome(client, 'batchCheckTask', 'task-1');
  await outcome(client, 'grantRole', 'task-1');
  const unknown = 'unknown-unknown-unknown-unknown';
  await using stranger = clientOf('gRPC', bearer(unknown));
  await outcome(stranger, 'checkTask', 'task-1');

  const lines = async () => (await readFile(decisionLog, 'utf8')).split('\n').slice(0, -1);
  const decisions = await vi.waitFor(async () => {
    const written = await lines();
    expect(written.filter((line) => line.includes('"caller":"may-check"')).length).toBeGreaterThanOrEqual(2);
    return written;
  });
  // The other one is whoever comes through the socket.
  for (const line of decisions) {
    const { kind, caller } = JSON.parse(line) as Record<string, string>;
    expect(caller).toMatch(kind === 'list' ? /^(?:may-filter|socket)$/ : /^(?:may-check|socket)$/);
  }
  const log = [...tcp.logged, ...decisions].join('');
  for (const secret of [...Object.values(tokens), unknown]) expect(log).not.toContain(secret);

  const metrics = await (await fetch(`http://${tcp.addresses.admin}/metrics`)).text();
  expect(metrics).toMatch(/taskgate_caller_calls_total\{caller="may-check",code="0"\} \d+/);
  expect(metrics).toMatch(/taskgate_refused_callers_total\{reason="unknown_token"\} \d+/);
  expect(metrics).toMatch(/taskgate_refused_callers_total\{reason="permission"\} \d+/);
  for (const secret of [...Object.values(tokens), unknown]) expect(metrics).not.toContain(secret);
});
