import { request as requestHttps } from 'node:https';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, createCallerClients } from '../support/caller-clients.ts';
import type { CallerClientOptions } from '../support/caller-clients.ts';
import { newToken, toTokensFile } from '../support/callers-taskgate.ts';
import type { Identity } from '../support/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';
import { callAny, requestsAbout } from '../support/every-rpc.ts';
import type { TestDirectory } from '../support/files.ts';
import { createTestDirectory } from '../support/files.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';
import { waitUntil } from '../support/wait-until.ts';

const TRANSPORTS = ['gRPC', 'Connect JSON', 'Connect binary', 'gRPC-Web'] as const;
const GATEWAY = 'spiffe://example.org/gateway';
const UNAUTHENTICATED = 'UNAUTHENTICATED: the caller is not authenticated';
const HOUR_MS = 3_600_000;

const opened = new AsyncDisposableStack();
let authority: TestAuthority;
let files: TestDirectory;
let stores: SampleStores;
let mutual: TestTaskgate;
let serverOnly: TestTaskgate;
const token = newToken();
const identities: Record<string, Identity> = {};

beforeAll(async () => {
  files = opened.use(await createTestDirectory());
  authority = await TestAuthority.create();
  const otherAuthority = await TestAuthority.create();
  const server = await authority.issueServer();
  await files.write('ca', authority.cert);
  await files.write('cert', server.cert);
  await files.write('key', server.key);
  await files.write('tokens', toTokensFile([{ name: 'by-token', tokens: [token], permissions: ['check'] }]));
  identities['gateway'] = await authority.issue({ uris: [GATEWAY] });
  identities['batch'] = await authority.issue({ dnsNames: ['batch.internal'] });
  identities['stranger'] = await authority.issue({ uris: ['spiffe://example.org/stranger'] });
  identities['nameless'] = await authority.issue({});
  identities['two ids'] = await authority.issue({ uris: [GATEWAY, 'spiffe://example.org/other'] });
  identities['hostile name'] = await authority.issue({ dnsNames: [`a, URI:${GATEWAY}`] });
  identities['expired'] = await authority.issue({ uris: [GATEWAY], validUntil: new Date(Date.now() - HOUR_MS) });
  identities['other authority'] = await otherAuthority.issue({ uris: [GATEWAY] });

  stores = opened.use(await startSampleStores());
  mutual = opened.use(await startWithStores(stores, { yaml: mutualYaml() }));
  const tls = tlsYaml();
  serverOnly = opened.use(
    await startWithStores(stores, {
      yaml: `listeners: { grpc: { ${tls} }, http: { ${tls} } }\nauthentication: { tokens_file: ${files.path('tokens')} }`,
    }),
  );
});
afterAll(async () => opened.disposeAsync());

function tlsYaml(clientCa?: string, names = { cert: 'cert', key: 'key' }): string {
  const ca = clientCa === undefined ? '' : `, client_ca_file: ${files.path(clientCa)}`;
  return `tls: { cert_file: ${files.path(names.cert)}, key_file: ${files.path(names.key)}${ca} }`;
}

function mutualYaml(names?: { cert: string; key: string }, ca = 'ca'): string {
  const tls = tlsYaml(ca, names);
  return `
listeners: { grpc: { ${tls} }, http: { ${tls} } }
authentication:
  reload_interval_ms: 100
  callers:
    - { name: gateway, spiffe_id: "${GATEWAY}", permissions: [check, filter] }
    - { name: batch, dns_name: batch.internal, permissions: [filter] }
`;
}

/** What a check is answered over each transport: `passed`, the status and message, or that there is no connection. */
async function ask(options: CallerClientOptions): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const client of createCallerClients(options)) {
    await using used = client;
    const result = await callAny(used, 'checkTask', requestsAbout('task-1').checkTask, { timeoutMs: 10_000 });
    outcomes[used.name] = toWord(result);
  }
  return outcomes;
}

function toWord(result: Awaited<ReturnType<typeof callAny>>): string {
  if (result.kind === 'message') return 'passed';
  const isAnswer = ['UNAUTHENTICATED', 'PERMISSION_DENIED'].includes(result.code);
  return isAnswer ? `${result.code}: ${result.message}` : 'no connection';
}

function everywhere(word: string): Record<string, string> {
  return Object.fromEntries(TRANSPORTS.map((name) => [name, word]));
}

describe('with client certificates', () => {
  it.each([
    ['gateway', 'passed'],
    ['batch', 'PERMISSION_DENIED: the caller lacks the permission check'],
    ['stranger', UNAUTHENTICATED],
    ['nameless', UNAUTHENTICATED],
    ['two ids', UNAUTHENTICATED],
    ['hostile name', UNAUTHENTICATED],
    ['expired', 'no connection'],
    ['other authority', 'no connection'],
    ['none', 'no connection'],
  ])('%s: %s', async (name, expected) => {
    const identity = identities[name];
    const tls = { ca: authority.cert, ...(identity === undefined ? {} : { identity }) };
    expect(await ask({ addresses: mutual.addresses, tls })).toEqual(everywhere(expected));
  });

  it('looks at no header where no tokens are configured', async () => {
    const withHeader = { addresses: mutual.addresses, authorization: bearer(token) };
    const { gateway, stranger } = identities;
    if (gateway === undefined || stranger === undefined) throw new Error('no identities');
    expect(await ask({ ...withHeader, tls: { ca: authority.cert, identity: gateway } })).toEqual(everywhere('passed'));
    expect(await ask({ ...withHeader, tls: { ca: authority.cert, identity: stranger } })).toEqual(
      everywhere(UNAUTHENTICATED),
    );
  });

  it('does not speak in plain text', async () => {
    expect(await ask({ addresses: mutual.addresses })).toEqual(everywhere('no connection'));
  });

  it.each(['grpc', 'http'] as const)('does not speak TLS below 1.2 on %s', async (listener) => {
    const port = Number(mutual.addresses[listener].split(':').at(-1));
    const versions = async (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> => {
      const socket: TLSSocket = connectTls({
        port,
        host: '127.0.0.1',
        ca: authority.cert,
        ...identities['gateway'],
        minVersion: 'TLSv1',
        maxVersion,
        // OpenSSL has switched the old versions off, unless it is asked for them.
        ciphers: 'DEFAULT@SECLEVEL=0',
        ALPNProtocols: listener === 'grpc' ? ['h2'] : ['http/1.1'],
      });
      try {
        await once(socket, 'secureConnect');
        return socket.getProtocol() ?? '';
      } catch {
        return 'refused';
      } finally {
        socket.destroy();
      }
    };
    expect([await versions('TLSv1.1'), await versions('TLSv1.2'), await versions('TLSv1.3')]).toEqual([
      'refused',
      'TLSv1.2',
      'TLSv1.3',
    ]);
  });
});

describe('with tokens over TLS', () => {
  it('knows the caller by its token, and asks for no certificate', async () => {
    const tls = { ca: authority.cert };
    const { addresses } = serverOnly;
    expect(await ask({ addresses, tls, authorization: bearer(token) })).toEqual(everywhere('passed'));
    expect(await ask({ addresses, tls })).toEqual(everywhere(UNAUTHENTICATED));
  });

  it('believes no certificate that it has not asked for', async () => {
    const { gateway } = identities;
    if (gateway === undefined) throw new Error('no identity');
    const tls = { ca: authority.cert, identity: gateway };
    expect(await ask({ addresses: serverOnly.addresses, tls })).toEqual(everywhere(UNAUTHENTICATED));
  });
});

describe('a certificate that is exchanged', () => {
  it('is shown to new connections, with its key, while old ones go on; and a broken one is not', async () => {
    const first = await authority.issueServer();
    await files.write('cert2', first.cert);
    await files.write('key2', first.key);
    await files.write('ca2', authority.cert);
    await using gate = await startWithStores(stores, { yaml: mutualYaml({ cert: 'cert2', key: 'key2' }, 'ca2') });
    const { gateway } = identities;
    if (gateway === undefined) throw new Error('no identity');
    const tls = { ca: authority.cert, identity: gateway };
    const [kept] = createCallerClients({ addresses: gate.addresses, tls });
    if (kept === undefined) throw new Error('no client');
    await using open = kept;
    const askKept = async () => toWord(await callAny(open, 'checkTask', requestsAbout('task-1').checkTask));
    expect(await askKept()).toBe('passed');

    const second = await authority.issueServer();
    await files.write('cert2', second.cert);
    await files.write('key2', second.key);
    await shown(gate, second);
    expect(await askKept()).toBe('passed');
    expect(await ask({ addresses: gate.addresses, tls })).toEqual(everywhere('passed'));

    // A key that is not the certificate's: what was there before stays.
    await files.write('key2', first.key);
    await waitUntil(() => gate.logged.find((line) => line.includes('can not be used')), {
      what: 'a refused reload',
      timeoutMs: 15_000,
    });
    expect(await ask({ addresses: gate.addresses, tls })).toEqual(everywhere('passed'));
    await shown(gate, second);

    // Another authority: who was known to the first is not let in any more.
    const other = await TestAuthority.create();
    await files.write('key2', second.key);
    await files.write('ca2', other.cert);
    const newcomer = await other.issue({ uris: [GATEWAY] });
    await waitUntil(
      async () => {
        const seen = await ask({ addresses: gate.addresses, tls: { ca: authority.cert, identity: newcomer } });
        return Object.values(seen).every((word) => word === 'passed') ? true : undefined;
      },
      { what: 'the new authority', timeoutMs: 15_000 },
    );
    expect(await ask({ addresses: gate.addresses, tls })).toEqual(everywhere('no connection'));
  });

  /** Waits until both listeners show the certificate. */
  async function shown(gate: TestTaskgate, { cert }: Identity): Promise<void> {
    for (const listener of ['grpc', 'http'] as const) {
      await waitUntil(async () => ((await certificateOf(gate, listener)) === toDer(cert) ? true : undefined), {
        what: `the new certificate on ${listener}`,
        timeoutMs: 15_000,
      });
    }
  }

  async function certificateOf(gate: TestTaskgate, listener: 'grpc' | 'http'): Promise<string> {
    const socket = connectTls({
      port: Number(gate.addresses[listener].split(':').at(-1)),
      host: '127.0.0.1',
      ca: authority.cert,
      ...identities['gateway'],
      ALPNProtocols: listener === 'grpc' ? ['h2'] : ['http/1.1'],
    });
    try {
      await once(socket, 'secureConnect');
      return socket.getPeerX509Certificate()?.raw.toString('base64') ?? '';
    } finally {
      socket.destroy();
    }
  }

  function toDer(pem: string): string {
    return pem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  }
});

it('plain HTTP paths are no way around: what is no RPC is 404 over TLS too', async () => {
  const port = Number(mutual.addresses.http.split(':').at(-1));
  const status = await new Promise((resolve, reject) => {
    requestHttps(
      { port, host: '127.0.0.1', path: '/metrics', ca: authority.cert, ...identities['gateway'] },
      (response) => resolve(response.resume().statusCode),
    )
      .on('error', reject)
      .end();
  });
  expect(status).toBe(404);
});
