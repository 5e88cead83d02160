import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import { AuthorizationService } from '../../../src/gen/taskgate/v1/authorization_pb.js';
import type { FaultyTaskgate } from '../../support/faulty-taskgate.ts';
import { CANARIES } from '../../support/faulty-taskgate.ts';
import { exchangeHttp1, exchangeHttp2 } from '../../support/raw-exchange.ts';
import { frameGrpcMessage } from '../../support/raw-http.ts';
import { createRequests } from './ask.ts';
import { IMPOSTOR_CANARIES } from './impose.ts';
import type { World } from './world.ts';

const { method } = AuthorizationService;
const SECRETS = [...Object.values(CANARIES), ...IMPOSTOR_CANARIES];
/** Words of drivers and of the network. */
const FOREIGN_WORDS = ['ECONN', 'connect E', 'timeout expired', 'No connection established', 'node_modules'];
/** pino's number of the level `info`. */
const INFO = 30;

/**
 * Asks everything once more, and looks at all bytes that come: headers, bodies and trailers, over gRPC and Connect. No
 * canary is among them, and none in a line that was logged at info or above; no secret is in any line at all.
 */
export async function expectNothingLeaks(faulty: FaultyTaskgate, worlds: readonly World[]): Promise<void> {
  // Cold or not, what is asked now is in no cache that matters: the answers' bytes are what counts.
  const asked = worlds.filter(({ cell }) => cell.warmth === 'cold' && cell.rpc !== 'DeregisterResource');
  const sent = await Promise.all([
    ...asked.map(async (world) => bytesAbout(world, faulty)),
    ...['readyz', 'metrics'].map(async (page) =>
      exchangeHttp1(`http://${faulty.gate.addresses.admin}/${page}`, { method: 'GET' }),
    ),
  ]);
  const bytes = JSON.stringify(sent);
  const addresses = Object.values(faulty.stores).map(({ address }) => address);
  expect([...SECRETS, ...FOREIGN_WORDS, ...addresses].filter((text) => bytes.includes(text))).toEqual([]);
  expectNothingLogged(faulty);
}

/** No canary in a line at info or above; no secret in any line. */
export function expectNothingLogged({ gate }: FaultyTaskgate): void {
  const leaks = gate.logged.flatMap((line) => {
    const { level, msg } = JSON.parse(line) as { readonly level: number; readonly msg: string };
    const secrets = level >= INFO ? SECRETS : Object.values(CANARIES);
    return secrets.filter((secret) => line.includes(secret)).map((secret) => `${msg} (${level}): ${secret}`);
  });
  expect([...new Set(leaks)]).toEqual([]);
}

async function bytesAbout(world: World, { gate }: FaultyTaskgate): Promise<unknown> {
  const { check, batch, filter, list, register, role } = createRequests(world);
  switch (world.cell.rpc) {
    case 'CheckTask':
      return exchangeBoth(gate.addresses, method.checkTask, check);
    case 'BatchCheckTask':
      return exchangeBoth(gate.addresses, method.batchCheckTask, batch);
    case 'FilterReadableTasks':
      return exchangeBoth(gate.addresses, method.filterReadableTasks, filter);
    case 'ListReadableTasks':
      return exchangeGrpc(gate.addresses, method.listReadableTasks, list);
    case 'RegisterResource':
      return exchangeBoth(gate.addresses, method.registerResource, register);
    case 'GrantRole':
      return exchangeBoth(gate.addresses, method.grantRole, role);
    case 'RevokeRole':
      return exchangeBoth(gate.addresses, method.revokeRole, role);
    case 'DeregisterResource':
      return undefined;
    default:
      return world.cell.rpc satisfies never;
  }
}

type Addresses = FaultyTaskgate['gate']['addresses'];

async function exchangeBoth<M extends DescMethod>(
  addresses: Addresses,
  rpc: M,
  request: MessageInitShape<M['input']>,
): Promise<unknown> {
  return Promise.all([exchangeGrpc(addresses, rpc, request), exchangeConnect(addresses, rpc, request)]);
}

async function exchangeGrpc<M extends DescMethod>(
  { grpc }: Addresses,
  { input, name }: M,
  request: MessageInitShape<M['input']>,
): Promise<unknown> {
  return exchangeHttp2(grpc, `/${AuthorizationService.typeName}/${name}`, {
    headers: { 'content-type': 'application/grpc+proto', te: 'trailers' },
    body: frameGrpcMessage(toBinary(input, create(input, request))),
  });
}

async function exchangeConnect<M extends DescMethod>(
  { http }: Addresses,
  { input, name }: M,
  request: MessageInitShape<M['input']>,
): Promise<unknown> {
  return exchangeHttp1(`http://${http}/${AuthorizationService.typeName}/${name}`, {
    headers: { 'content-type': 'application/json' },
    body: toJsonString(input, create(input, request)),
  });
}
