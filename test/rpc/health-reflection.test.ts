import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { fromBinary, fromJsonString } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ServiceClientConstructor,
  ServiceError,
} from '@grpc/grpc-js';
import { credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationService, CheckTaskResponseSchema, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { Authorization } from '../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { gatewayYaml } from '../support/gateway.ts';
import { startSampleStores, startWithStores, useTaskgate } from '../support/taskgate.ts';

const require = createRequire(import.meta.url);
const healthProto = join(dirname(require.resolve('grpc-health-check/package.json')), 'proto/health/v1/health.proto');
const reflectionProtos = join(dirname(require.resolve('@grpc/reflection/package.json')), 'build/proto/grpc/reflection');
const BUF = join(import.meta.dirname, '../../node_modules/.bin/buf');
const SERVICE = AuthorizationService.typeName;

interface HealthClient extends Client {
  check(request: { service: string }, callback: (error: ServiceError | null, value?: { status: string }) => void): void;
  watch(request: { service: string }): ClientReadableStream<{ status: string }>;
}

function createHealthClient(target: string): HealthClient {
  return new (loadService(healthProto, 'grpc.health.v1.Health'))(
    target,
    credentials.createInsecure(),
  ) as unknown as HealthClient;
}

function loadService(file: string, name: string): ServiceClientConstructor {
  const definition = loadSync(file, { keepCase: true, enums: String, oneofs: true });
  const found = name
    .split('.')
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], loadPackageDefinition(definition));
  return found as ServiceClientConstructor;
}

/** The health status, or the name of the gRPC error. */
async function checkHealth(client: HealthClient, service: string): Promise<string> {
  return new Promise((resolve) => {
    client.check({ service }, (error, value) =>
      resolve(error === null ? (value?.status ?? '') : (status[error.code] ?? '')),
    );
  });
}

async function firstWatched(client: HealthClient, service: string): Promise<string> {
  const call = client.watch({ service });
  call.on('error', () => undefined);
  try {
    for await (const value of call) return (value as { status: string }).status;
    return '';
  } finally {
    call.cancel();
  }
}

const gate = useTaskgate();
const envoyGate = useTaskgate({ yaml: gatewayYaml() });
let health: HealthClient;
beforeAll(() => {
  health = createHealthClient(gate().addresses.grpc);
});
afterAll(() => health.close());

describe('the health service', () => {
  it.each(['', SERVICE])('serves %j when ready', async (service) => {
    expect([await checkHealth(health, service), await firstWatched(health, service)]).toEqual(['SERVING', 'SERVING']);
  });

  it('does not know other services', async () => {
    expect(await checkHealth(health, 'no.such.Service')).toBe('NOT_FOUND');
    expect(await firstWatched(health, 'no.such.Service')).toBe('SERVICE_UNKNOWN');
  });

  it('does not serve while the database is down, and tells a watcher when it is back', async () => {
    await using stores = await startSampleStores();
    const url = new URL(stores.databaseUrl);
    await using database = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
    await database.setMode('refuse');
    url.host = database.address;
    await using down = await startWithStores({ ...stores, databaseUrl: url.href });
    const client = createHealthClient(down.addresses.grpc);
    const watch = client.watch({ service: SERVICE });
    watch.on('error', () => undefined);
    try {
      expect([await checkHealth(client, ''), await checkHealth(client, SERVICE)]).toEqual([
        'NOT_SERVING',
        'NOT_SERVING',
      ]);
      const seen: string[] = [];
      for await (const value of watch) {
        seen.push((value as { status: string }).status);
        if (seen.length === 1) await database.setMode('ok');
        else break;
      }
      expect(seen).toEqual(['NOT_SERVING', 'SERVING']);
      expect(await checkHealth(client, '')).toBe('SERVING');
    } finally {
      watch.cancel();
      client.close();
    }
  });
});

interface ReflectionAnswer {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
  readonly error_response?: { readonly error_code: number };
}

type ReflectionClient = Client & { ServerReflectionInfo(): ClientDuplexStream<object, ReflectionAnswer> };

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  async function reflect(request: object, target = gate().addresses.grpc): Promise<ReflectionAnswer> {
    const constructor = loadService(
      join(reflectionProtos, version, 'reflection.proto'),
      `grpc.reflection.${version}.ServerReflection`,
    );
    const client = new constructor(target, credentials.createInsecure()) as unknown as ReflectionClient;
    const call = client.ServerReflectionInfo();
    try {
      return await new Promise<ReflectionAnswer>((resolve, reject) => {
        call.on('data', resolve);
        call.on('error', reject);
        call.write(request);
      });
    } finally {
      call.on('error', () => undefined);
      call.cancel();
      client.close();
    }
  }

  it('lists the service', async () => {
    const answer = await reflect({ list_services: '*' });
    expect(answer.list_services_response?.service.map(({ name }) => name)).toContain(SERVICE);
  });

  it("lists Envoy's service where it is served, and only there", async () => {
    const { typeName } = Authorization;
    const names = ({ list_services_response: listed }: ReflectionAnswer) => listed?.service.map(({ name }) => name);
    expect(names(await reflect({ list_services: '*' }))).not.toContain(typeName);
    expect(names(await reflect({ list_services: '*' }, envoyGate().addresses.grpc))).toEqual(
      expect.arrayContaining([SERVICE, typeName]),
    );
    const symbol = await reflect({ file_containing_symbol: typeName }, envoyGate().addresses.grpc);
    expect(symbol.file_descriptor_response?.file_descriptor_proto.length).toBeGreaterThan(0);
  });

  it('gives the descriptor of the service', async () => {
    const answer = await reflect({ file_containing_symbol: SERVICE });
    const files = (answer.file_descriptor_response?.file_descriptor_proto ?? []).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const service = files
      .flatMap(({ service: services }) => services)
      .find(({ name }) => name === 'AuthorizationService');
    expect(service?.method.map(({ name }) => name)).toEqual(AuthorizationService.methods.map(({ name }) => name));
  });

  it('knows no other symbol', async () => {
    const answer = await reflect({ file_containing_symbol: 'no.such.Service' });
    expect(answer.error_response?.error_code).toBe(status.NOT_FOUND);
  });
});

it('buf curl calls through reflection, knowing nothing but the address', async () => {
  const body = JSON.stringify({
    principal: { userId: 'alice', accountId: 'acme' },
    resource: { type: 'message', id: 'msg-1' },
    operation: 'OPERATION_READ',
  });
  const url = `http://${gate().addresses.grpc}/${SERVICE}/CheckTask`;
  const { stdout } = await promisify(execFile)(BUF, [
    'curl',
    '--protocol',
    'grpc',
    '--http2-prior-knowledge',
    '-d',
    body,
    url,
  ]);
  expect(fromJsonString(CheckTaskResponseSchema, stdout)).toMatchObject({
    decision: Decision.ALLOWED,
    taskId: 'task-1',
  });
});
