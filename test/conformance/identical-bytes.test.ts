import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { CheckTaskRequestSchema, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { RawResponse } from '../support/raw-http.ts';
import { frameGrpcMessage, postGrpc, postHttp1 } from '../support/raw-http.ts';
import { useTaskgate } from '../support/taskgate.ts';

const PATH = '/taskgate.v1.AuthorizationService/CheckTask';
const gate = useTaskgate();
const socketGate = useTaskgate({ grpc: 'socket' });

type Send = (message: ReturnType<typeof ask>) => Promise<RawResponse>;

const transports: Readonly<Record<string, Send>> = {
  'gRPC/TCP': async (message) => postGrpc(gate().addresses.grpc, PATH, toBinary(CheckTaskRequestSchema, message)),
  'gRPC/UDS': async (message) =>
    postGrpc('localhost', PATH, toBinary(CheckTaskRequestSchema, message), {
      socketPath: socketGate().addresses.grpc.slice('unix:'.length),
    }),
  'Connect JSON': async (message) =>
    postHttp1(url(), { 'content-type': 'application/json' }, toJsonString(CheckTaskRequestSchema, message)),
  'Connect binary': async (message) =>
    postHttp1(url(), { 'content-type': 'application/proto' }, Buffer.from(toBinary(CheckTaskRequestSchema, message))),
  'gRPC-Web': async (message) =>
    postHttp1(
      url(),
      { 'content-type': 'application/grpc-web+proto' },
      frameGrpcMessage(toBinary(CheckTaskRequestSchema, message)),
    ),
};

const url = (): string => `http://${gate().addresses.http}${PATH}`;

function ask(
  userId: string,
  accountId: string,
  type: string,
  key: { id: string } | { name: string },
  operation = Operation.READ,
) {
  const principal = { subject: { case: 'userId' as const, value: userId }, accountId };
  const ref = 'id' in key ? { case: 'id' as const, value: key.id } : { case: 'name' as const, value: key.name };
  return create(CheckTaskRequestSchema, { principal, resource: { type, key: ref }, operation });
}

/** Every way of not being allowed to know: the answers must be one. */
const HIDDEN: Readonly<Record<string, ReturnType<typeof ask>>> = {
  'an absent message': ask('alice', 'acme', 'message', { id: 'msg-none' }),
  'an absent task': ask('alice', 'acme', 'task', { id: 'task-none' }),
  'an absent name': ask('alice', 'acme', 'task', { name: 'no-such-report' }),
  'a denied message': ask('dave', 'acme', 'message', { id: 'msg-1' }),
  'a denied task': ask('dave', 'acme', 'task', { id: 'task-1' }),
  'a denied name': ask('dave', 'acme', 'task', { name: 'quarterly-report' }),
  'a denied update of a readable message': ask('carol', 'acme', 'message', { id: 'msg-1' }, Operation.UPDATE),
  'a fully consistent denied delete': ask('carol', 'acme', 'task', { id: 'task-1' }, Operation.DELETE),
  'an unregistered task': ask('alice', 'acme', 'task', { id: 'task-5' }),
  'a message of an unregistered task': ask('alice', 'acme', 'message', { id: 'msg-5' }),
  'a message of another account': ask('alice', 'acme', 'message', { id: 'msg-9' }),
  'an owner who acts in another account': ask('alice', 'globex', 'message', { id: 'msg-1' }),
  'a message whose task was deleted': ask('alice', 'acme', 'message', { id: 'msg-orphan' }),
};

/** All that was sent, but for the time and for the random decision id, of which only the length counts. */
function normalize({ headers, body, trailers }: RawResponse) {
  const strip = (lines: readonly string[]): string[] =>
    lines
      .filter((line) => !/^date:/i.test(line))
      .map((line) =>
        line.replace(/^(taskgate-decision-id: )(.*)$/i, (_, name: string, id: string) => `${name}${id.length}`),
      );
  return { headers: strip(headers), body: body.toString('hex'), trailers: strip(trailers) };
}

describe.each(Object.entries(transports))('over %s', (_, send) => {
  it('answers everything hidden with the same bytes', async () => {
    const responses = await Promise.all(Object.values(HIDDEN).map(async (message) => normalize(await send(message))));
    const [first] = responses;
    const seen = Object.keys(HIDDEN).map((name, index) => [name, responses[index]]);
    expect(seen).toEqual(Object.keys(HIDDEN).map((name) => [name, first]));
  });

  it('carries a decision id of fixed length that is never the same', async () => {
    const responses = await Promise.all([
      send(ask('dave', 'acme', 'task', { id: 'task-1' })),
      send(ask('alice', 'acme', 'task', { id: 'task-1' })),
    ]);
    const ids = responses.map(
      ({ headers }) => headers.find((line) => /^taskgate-decision-id:/i.test(line))?.replace(/^[^:]*: /, '') ?? '',
    );
    expect(ids.map((id) => id.length)).toEqual([36, 36]);
    expect(new Set(ids).size).toBe(2);
  });

  it('answers what is allowed otherwise: the comparison can fail', async () => {
    const allowed = normalize(await send(ask('alice', 'acme', 'message', { id: 'msg-1' })));
    const hidden = normalize(await send(ask('dave', 'acme', 'message', { id: 'msg-1' })));
    expect(allowed.body).not.toBe(hidden.body);
  });
});
