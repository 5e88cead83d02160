import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { AdminService } from '../../src/gen/taskgate/admin/v1/admin_pb.js';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { bearer } from '../support/caller-clients.ts';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';

const ADMIN_RPC_PATHS = AdminService.methods.map(({ name }) => `/${AdminService.typeName}/${name}`);
const ADMIN_PATHS = ['/livez', '/readyz', '/metrics', '/', '/admin', '/console', '/console/', ...ADMIN_RPC_PATHS];
const RPC_PATHS = AuthorizationService.methods.map(({ name }) => `/${AuthorizationService.typeName}/${name}`);
const PREFIXES = ['', '//', '/./', '/%2e/', '/livez/..'];

const gates = useTokenTaskgates();

describe('the listeners', () => {
  it.each(ADMIN_PATHS)('HTTP does not serve %s of the admin listener, whoever asks', async (path) => {
    const { tcp, tokens } = gates();
    for (const method of ['GET', 'HEAD', 'POST']) {
      for (const authorization of [undefined, bearer(tokens.admin)]) {
        const headers = authorization === undefined ? {} : { authorization };
        const { status, body } = await exchangeHttp1(`http://${tcp.addresses.http}${path}`, { method, headers });
        expect([method, status, body]).toEqual([method, 404, '']);
      }
    }
  });

  it.each(['/metrics', '/readyz', ...ADMIN_RPC_PATHS])('gRPC does not serve %s', async (path) => {
    const metadata = new Metadata();
    metadata.set('authorization', bearer(gates().tokens.admin));
    expect(await callRaw(path, metadata)).toBe('UNIMPLEMENTED');
  });

  it.each(RPC_PATHS)('admin does not serve %s, whoever asks', async (path) => {
    const { tcp, tokens } = gates();
    for (const prefix of PREFIXES) {
      const { status, body } = await exchangeHttp1(`http://${tcp.addresses.admin}${prefix}${path}`, {
        headers: { 'content-type': 'application/json', authorization: bearer(tokens.check) },
        body: '{}',
      });
      expect([prefix, status]).toEqual([prefix, 404]);
      expect(body).not.toContain('principal');
    }
  });

  it('admin answers probes without a token', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      const { status } = await exchangeHttp1(`http://${gates().tcp.addresses.admin}${path}`, { method: 'GET' });
      expect([path, status]).toEqual([path, 200]);
    }
  });
});

/** Calls a method with an empty message: the name of the status. */
async function callRaw(path: string, metadata = new Metadata()): Promise<string> {
  const client = new Client(gates().tcp.addresses.grpc, credentials.createInsecure());
  try {
    return await new Promise((resolve) => {
      const pass = (bytes: Buffer) => bytes;
      client.makeUnaryRequest(path, pass, pass, Buffer.alloc(0), metadata, (error: ServiceError | null) =>
        resolve(status[error?.code ?? status.OK] ?? ''),
      );
    });
  } finally {
    client.close();
  }
}

describe('beside the RPCs', () => {
  it('health is open to probes', async () => {
    expect(await callRaw('/grpc.health.v1.Health/Check')).toBe('OK');
  });

  it.each(['v1', 'v1alpha'])('reflection %s is for callers, whatever they may do', async (version) => {
    const { tcp, tokens } = gates();
    const reflect = async (authorization: string | undefined): Promise<string> => {
      const client = new Client(tcp.addresses.grpc, credentials.createInsecure());
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set('authorization', authorization);
      const pass = (bytes: Buffer) => bytes;
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const call = client.makeBidiStreamRequest(path, pass, pass, metadata);
      try {
        return await new Promise((resolve) => {
          call.on('data', () => resolve('answered'));
          call.on('error', (error: ServiceError) => resolve(`${status[error.code]}: ${error.details}`));
          // list_services: "*"
          call.write(Buffer.from([0x3a, 0x01, 0x2a]));
        });
      } finally {
        call.on('error', () => undefined);
        call.cancel();
        client.close();
      }
    };
    expect(await reflect(undefined)).toBe('UNAUTHENTICATED: the caller is not authenticated');
    expect(await reflect(bearer('unknown-unknown-unknown-unknown'))).toBe(
      'UNAUTHENTICATED: the caller is not authenticated',
    );
    for (const token of Object.values(tokens)) expect(await reflect(bearer(token))).toBe('answered');
  });
});
