import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import { AuthorizationService, ListReadableTasksRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { frameGrpcMessage } from '../support/raw-http.ts';
import { callContext, SYSTEM_CLOCK, task } from '../support/spicedb.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';

const PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.listReadableTasks.name}`;
/** How a list is counted whose reader took no more. */
const CANCELLED = 1;
/** In pages of one, far more than a connection takes before its reader must. */
const COUNT = 3_000;
const LONG = 'x'.repeat(900);
const REQUEST = toBinary(
  ListReadableTasksRequestSchema,
  create(ListReadableTasksRequestSchema, {
    principal: { subject: { case: 'userId', value: 'reader' }, accountId: 'acme' },
    pageSize: 1,
  }),
);
const SOON = { timeout: 10_000, interval: 20 };

let stores: SampleStores;
let gate: TestTaskgate;
beforeAll(async () => {
  stores = await startSampleStores();
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: stores.spiceDb });
  const relationships = Array.from({ length: COUNT }, (_, index): Relationship[] => {
    const object = task(`${LONG}${index}`);
    return [
      { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account: 'acme' } } },
      { object, relation: 'owner', subject: { kind: 'principal', principalKind: 'user', id: 'reader' } },
    ];
  }).flat();
  for (let at = 0; at < relationships.length; at += 1_000) {
    await chain.writer.touch(relationships.slice(at, at + 1_000), callContext());
  }
  chain.close();
  gate = await startWithStores(stores, { yaml: '{limits: {stall_timeout_ms: 1000, max_stream_timeout_ms: 60000}}' });
});
afterAll(async () => {
  await gate.close();
  await stores[Symbol.asyncDispose]();
});

/** How many lists have ended with the gRPC status, as the metrics say. */
async function ended(code: number): Promise<number> {
  const text = await (await fetch(`http://${gate.addresses.admin}/metrics`)).text();
  const counts = text.matchAll(
    /^taskgate_rpc_duration_seconds_count\{method="ListReadableTasks",.*code="(\d+)"\} (\d+)$/gm,
  );
  return [...counts].filter(([, one]) => one === String(code)).reduce((sum, [, , count]) => sum + Number(count), 0);
}

function readGrpc() {
  const client = new Client(gate.addresses.grpc, credentials.createInsecure());
  const call = client.makeServerStreamRequest(
    PATH,
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => bytes,
    REQUEST,
  );
  return { client, call };
}

it('ends a gRPC stream whose reader has stopped', async () => {
  const { client, call } = readGrpc();
  const failed = once(call, 'error').catch((thrown: unknown) => [thrown]);
  await once(call, 'readable');
  await vi.waitFor(async () => expect(await ended(CANCELLED)).toBe(1), SOON);
  call.resume();
  expect(await failed).toMatchObject([{ code: status.DEADLINE_EXCEEDED }]);
  client.close();
});

it('closes the connection of a Connect stream whose reader has stopped', async () => {
  const request = httpRequest(`http://${gate.addresses.http}${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+proto' },
    agent: false,
  });
  request.end(frameGrpcMessage(REQUEST));
  const [response]: unknown[] = await once(request, 'response');
  expect(response).toMatchObject({ statusCode: 200 });
  await vi.waitFor(async () => expect(await ended(CANCELLED)).toBe(2), SOON);
  request.destroy();
});

it('waits for a slow reader, which gets everything', async () => {
  const { client, call } = readGrpc();
  let messages = 0;
  for await (const _message of call) {
    messages += 1;
    if (messages === COUNT / 2) expect(await ended(0)).toBe(0);
  }
  expect(messages).toBe(COUNT + 1);
  await vi.waitFor(async () => expect(await ended(0)).toBe(1), SOON);
  client.close();
});
