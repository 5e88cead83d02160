import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toTaskgateError } from '../../../src/domain/errors.ts';
import type { Sql } from '../../../src/parents/sql.ts';
import type { Stores } from '../../../src/server.ts';
import { checkRequestBytes, sendEnvoyCheck, toVerdict } from '../../support/envoy-checks.ts';
import { startFaultProxy, toProxyTarget } from '../../support/fault-proxy.ts';
import { gatewayYaml } from '../../support/gateway.ts';
import { newToken, toTokensFile } from '../../support/callers-taskgate.ts';
import { createTestDirectory } from '../../support/files.ts';
import type { SampleStores } from '../../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../../support/taskgate.ts';
import { recorded } from './recorded/recorded.ts';

let stores: SampleStores | undefined;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores?.[Symbol.asyncDispose]());
const sampleStores = (): SampleStores => stores ?? expect.unreachable('the stores are not started yet');

const as = (user: string) => ({ 'x-user-id': user, 'x-account-id': 'acme' });
const TASK = checkRequestBytes({ path: '/tasks/task-1', headers: as('alice') });
const ABSENT = checkRequestBytes({ path: '/tasks/none', headers: as('alice') });
const CHILD = checkRequestBytes({ path: '/messages/msg-1', headers: as('alice') });

describe('could not tell', () => {
  it.each([
    ['refuse', status.UNAVAILABLE, 'spicedb is unavailable: nothing was decided'],
    ['hang', status.DEADLINE_EXCEEDED, 'deadline exceeded: nothing was decided'],
  ] as const)(
    'is a gRPC error while SpiceDB is not there (%s), whether the task exists or not',
    async (mode, code, message) => {
      await using spiceDb = await startFaultProxy(toProxyTarget(sampleStores().spiceDb.endpoint));
      const slow = { ...sampleStores(), spiceDb: { endpoint: spiceDb.address, timeoutMs: 300 } };
      await using gate = await startWithStores(slow, {
        yaml: gatewayYaml({ decisions: { cache: false } }),
      });
      await spiceDb.setMode(mode);
      for (const bytes of [TASK, ABSENT]) {
        const verdict = toVerdict(await sendEnvoyCheck(gate.addresses.grpc, bytes));
        expect(verdict).toEqual({ kind: 'error', code, message });
      }
    },
  );

  it('is a gRPC error while the database is not there', async () => {
    const url = new URL(sampleStores().databaseUrl);
    await using database = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
    url.host = database.address;
    await using gate = await startWithStores({ ...sampleStores(), databaseUrl: url.href }, { yaml: gatewayYaml() });
    await database.setMode('refuse');
    const verdict = toVerdict(await sendEnvoyCheck(gate.addresses.grpc, CHILD));
    expect(verdict).toMatchObject({ kind: 'error', code: status.UNAVAILABLE });
  });

  it.each([
    [
      'at once',
      () => {
        throw new Error('a defect that says too much');
      },
    ],
    ['later', async () => Promise.reject(new Error('a defect that says too much'))],
  ])('is an error that says nothing of what a store has thrown, %s', async (_, query) => {
    await using gate = await startWithStores(sampleStores(), { yaml: gatewayYaml(), decorate: withQuery(query) });
    const verdict = toVerdict(await sendEnvoyCheck(gate.addresses.grpc, CHILD));
    const message = 'database is unavailable: nothing was decided';
    expect(verdict).toEqual({ kind: 'error', code: status.UNAVAILABLE, message });
  });

  it("is a gRPC error at Envoy's own deadline", async () => {
    const query: Sql['query'] = async (_text, _values, { signal }) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(toTaskgateError(signal.reason)));
      });
    await using gate = await startWithStores(sampleStores(), { yaml: gatewayYaml(), decorate: withQuery(query) });
    const started = performance.now();
    const verdict = toVerdict(await sendEnvoyCheck(gate.addresses.grpc, CHILD, { 'grpc-timeout': '150m' }));
    expect(verdict).toMatchObject({ kind: 'error', code: status.DEADLINE_EXCEEDED });
    expect(performance.now() - started).toBeLessThan(1_500);
  });
});

/** Stores whose database does that. */
function withQuery(query: Sql['query']) {
  return (stores: Stores): Stores => ({ ...stores, sql: { ...stores.sql, query } });
}

describe('Envoy', () => {
  it('has to prove who it is, with a token of its own', async () => {
    await using files = await createTestDirectory();
    const [may, mayNot] = [newToken(), newToken()];
    const path = await files.write(
      'tokens',
      toTokensFile([
        { name: 'envoy', tokens: [may], permissions: ['check'] },
        { name: 'writer', tokens: [mayNot], permissions: ['write'] },
      ]),
    );
    await using gate = await startWithStores(sampleStores(), {
      yaml: gatewayYaml({ authentication: { tokens_file: path } }),
    });
    const send = async (headers: Record<string, string>, bytes = TASK) =>
      toVerdict(await sendEnvoyCheck(gate.addresses.grpc, bytes, headers));
    expect(await send({ authorization: `Bearer ${may}` })).toMatchObject({ kind: 'allowed' });
    expect(await send({})).toMatchObject({ kind: 'error', code: status.UNAUTHENTICATED });
    expect(await send({ authorization: `Bearer ${mayNot}` })).toMatchObject({ code: status.PERMISSION_DENIED });
    // The client's own header is no caller's.
    const headers = { ...as('alice'), authorization: `Bearer ${may}` };
    const forged = checkRequestBytes({ path: '/tasks/task-1', headers });
    expect(await send({}, forged)).toMatchObject({ kind: 'error', code: status.UNAUTHENTICATED });
    // Who may not ask is told the same, whatever it asks.
    expect(await send({}, Buffer.from('garbage'))).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  it('is told FORBIDDEN where denials are revealed', async () => {
    await using gate = await startWithStores(sampleStores(), {
      yaml: gatewayYaml({ denials: { reveal_readable: true } }),
    });
    const update = checkRequestBytes({ method: 'POST', path: '/tasks/task-1', headers: as('carol') });
    expect(toVerdict(await sendEnvoyCheck(gate.addresses.grpc, update))).toMatchObject({
      kind: 'denied',
      code: status.PERMISSION_DENIED,
      status: 403,
    });
  });

  it.each([
    ['nothing decides', {}],
    ['it is switched off', { yaml: gatewayYaml({ gateway: { ext_authz: { enabled: false } } }) }],
  ])('is told that there is no such service where %s', async (_, options) => {
    await using gate = await startWithStores(sampleStores(), options);
    const verdict = toVerdict(await sendEnvoyCheck(gate.addresses.grpc, recorded('a public route')));
    expect(verdict).toMatchObject({ kind: 'error', code: status.UNIMPLEMENTED });
  });

  it('gets the headers and the bodies that are configured', async () => {
    await using gate = await startWithStores(sampleStores(), {
      yaml: gatewayYaml({
        gateway: {
          identity_headers: { principal_id: 'x-user' },
          ext_authz: { sends_bodies: true, claims_key: 'other' },
        },
      }),
    });
    const send = async (name: string) => toVerdict(await sendEnvoyCheck(gate.addresses.grpc, recorded(name)));
    expect(await send('a GET of what is allowed')).toMatchObject({ kind: 'allowed', set: { 'x-user': 'alice' } });
    expect(await send('claims of a token')).toMatchObject({ kind: 'denied', status: 401 });
  });
});
