import { beforeAll, describe, expect, it } from 'vitest';
import { hashToken } from '../../src/callers/token-callers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { renderConfig } from '../../src/config/render-config.ts';
import { TestAuthority } from '../support/certificates.ts';
import { expectProblems, expectValid, load, REQUIRED_ENV, toDeps } from './support.ts';

const UNAUTHENTICATED = 'callers are not authenticated, so whoever reaches it could ask as any principal';
const CANARY = 'c4n4ry-c4n4ry-c4n4ry-c4n4ry';
const NAME_RULE = 'must be 1 to 64 of a-z, 0-9 and . _ -, starting and ending with a letter or digit';
const SHA256_RULE = 'must be a SHA-256 in 64 lower-case hex digits, or a list of them: see taskgate hash-token';
const PERMISSIONS_RULE = 'must be a list of check, filter, write, admin';

const TOKENS = 'authentication: { tokens_file: /tokens }\n';
const TLS = 'tls: { cert_file: /cert, key_file: /key }';
const MUTUAL = 'tls: { cert_file: /cert, key_file: /key, client_ca_file: /ca }';
const callers = (...entries: readonly string[]): string => `authentication: { callers: [${entries.join(', ')}] }\n`;
const GATEWAY = '{ name: gateway, spiffe_id: "spiffe://a/b", permissions: [check] }';
const grpc = (text: string): string => `listeners: { grpc: { ${text} } }\n`;
const PUBLIC = 'address: "0.0.0.0:50051"';

const files: Record<string, string> = {
  '/tokens': JSON.stringify([{ name: 'main-api', sha256: hashToken('a'), permissions: ['check'] }]),
  '/empty': '',
  '/none-in-it': '[]',
  '/plain-token': JSON.stringify([{ name: 'main-api', sha256: CANARY, permissions: ['check'] }]),
  '/no-permissions': JSON.stringify([{ name: 'main-api', sha256: hashToken('a') }]),
  '/unknown-permission': JSON.stringify([{ name: 'main-api', sha256: hashToken('a'), permissions: ['read'] }]),
  '/same-name': JSON.stringify([
    { name: 'a', sha256: hashToken('a'), permissions: ['check'] },
    { name: 'a', sha256: hashToken('b'), permissions: ['check'] },
  ]),
  '/same-hash': JSON.stringify([
    { name: 'a', sha256: hashToken('a'), permissions: ['check'] },
    { name: 'b', sha256: hashToken('a'), permissions: ['write'] },
  ]),
  '/named-gateway': JSON.stringify([{ name: 'gateway', sha256: hashToken('a'), permissions: ['check'] }]),
  '/text': CANARY,
};
beforeAll(async () => {
  const authority = await TestAuthority.create();
  const server = await authority.issueServer();
  const other = await authority.issueServer();
  Object.assign(files, {
    '/cert': server.cert,
    '/key': server.key,
    '/other-key': other.key,
    '/ca': authority.cert,
  });
});

describe('who may ask', () => {
  it.each<[string, ...string[]]>([
    // Reachable, and nobody has to prove who asks.
    [grpc(PUBLIC), `listeners.grpc.address: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`],
    [
      grpc(`${PUBLIC}, ${TLS}`),
      `listeners.grpc.address: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`,
    ],
    [
      `listeners: { http: { address: "10.0.0.1:80", ${TLS} } }`,
      `listeners.http.address: must be a loopback address: ${UNAUTHENTICATED}`,
    ],
    [
      grpc(`${PUBLIC}, ${MUTUAL}`),
      `listeners.grpc.address: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`,
      'listeners.grpc.tls.client_ca_file: proves nobody without authentication.callers, or authentication.tokens_file',
    ],
    // Reachable in plain text.
    [
      TOKENS + grpc(PUBLIC),
      'listeners.grpc.address: must be a loopback address or a unix socket without listeners.grpc.tls: tokens and answers would travel in plain text',
    ],
    [
      `${TOKENS}listeners: { grpc: { ${PUBLIC}, ${TLS} }, http: { address: "0.0.0.0:80" } }`,
      'listeners.http.address: must be a loopback address without listeners.http.tls: tokens and answers would travel in plain text',
    ],
    // Reachable, and nobody could prove who asks.
    [
      `${callers(GATEWAY)}listeners: { grpc: { ${PUBLIC}, ${TLS} }, http: { ${MUTUAL} } }`,
      'listeners.grpc.tls.client_ca_file: is required without authentication.tokens_file: nobody could prove who asks',
    ],
    // TLS that is half done.
    [grpc('tls: { cert_file: /cert }'), 'listeners.grpc.tls.key_file: is required with listeners.grpc.tls'],
    [grpc('tls: { key_file: /key }'), 'listeners.grpc.tls.cert_file: is required with listeners.grpc.tls'],
    [
      TOKENS + grpc('tls: { client_ca_file: /ca }'),
      'listeners.grpc.tls.cert_file: is required with listeners.grpc.tls',
      'listeners.grpc.tls.key_file: is required with listeners.grpc.tls',
    ],
    [grpc('tls: { cert_file: /nowhere, key_file: /key }'), 'listeners.grpc.tls.cert_file: can not be read (ENOENT)'],
    [grpc('tls: { cert_file: /cert, key_file: /nowhere }'), 'listeners.grpc.tls.key_file: can not be read (ENOENT)'],
    [
      TOKENS + grpc('tls: { cert_file: /cert, key_file: /key, client_ca_file: /nowhere }'),
      'listeners.grpc.tls.client_ca_file: can not be read (ENOENT)',
    ],
    [grpc('tls: { cert_file: /text, key_file: /key }'), 'listeners.grpc.tls.cert_file: is no certificate in PEM'],
    [
      grpc('tls: { cert_file: /cert, key_file: /text }'),
      'listeners.grpc.tls.key_file: is no private key in PEM without a passphrase',
    ],
    [
      grpc('tls: { cert_file: /cert, key_file: /other-key }'),
      'listeners.grpc.tls.key_file: is not the key of the certificate',
    ],
    [
      `${TOKENS}listeners: { http: { tls: { cert_file: /cert, key_file: /key, client_ca_file: /text } } }`,
      'listeners.http.tls.client_ca_file: is no certificate in PEM',
    ],
    [grpc('tls: { cert_file: "" , key_file: /key }'), 'listeners.grpc.tls.cert_file: must be text that is not empty'],
    [
      grpc('tls: { certfile: /cert }'),
      'listeners.grpc.tls.certfile: is not a known key (did you mean cert_file?)',
      'listeners.grpc.tls.cert_file: is required with listeners.grpc.tls',
      'listeners.grpc.tls.key_file: is required with listeners.grpc.tls',
    ],
    [grpc(`address: "unix:/run/x", ${TLS}`), 'listeners.grpc.tls: goes with a TCP address, not with a unix socket'],
    // Tokens.
    ['authentication: { tokens_file: /nowhere }', 'authentication.tokens_file: can not be read (ENOENT)'],
    ['authentication: { tokens_file: "" }', 'authentication.tokens_file: must be text that is not empty'],
    ['authentication: { tokens_file: /empty }', 'authentication.tokens_file: must be a list of callers'],
    ['authentication: { tokens_file: /none-in-it }', 'authentication.tokens_file: has no caller'],
    ['authentication: { tokens_file: /text }', 'authentication.tokens_file: must be a list of callers'],
    ['authentication: { tokens_file: /plain-token }', `authentication.tokens_file: entry 1, sha256: ${SHA256_RULE}`],
    [
      'authentication: { tokens_file: /no-permissions }',
      `authentication.tokens_file: entry 1, permissions: ${PERMISSIONS_RULE}`,
    ],
    [
      'authentication: { tokens_file: /unknown-permission }',
      `authentication.tokens_file: entry 1, permissions: ${PERMISSIONS_RULE}`,
    ],
    [
      'authentication: { tokens_file: /same-name }',
      'authentication.tokens_file: entry 2, name: is the name of an earlier caller too',
    ],
    ['authentication: { tokens_file: /same-hash }', 'authentication.tokens_file: entry 2, sha256: is there twice'],
    [
      `authentication: { tokens_file: /named-gateway, callers: [${GATEWAY}] }\n${grpc(MUTUAL)}`,
      'authentication.tokens_file: entry 1, name: is that of another caller too',
    ],
    [
      'authentication: { tokens_file: /named-gateway, socket_caller: { name: gateway } }',
      'authentication.tokens_file: entry 1, name: is that of another caller too',
    ],
    // Certificates.
    [
      callers(GATEWAY),
      'authentication.callers: have no effect without listeners.grpc.tls.client_ca_file or listeners.http.tls.client_ca_file',
    ],
    [
      callers(GATEWAY) + grpc(TLS),
      'authentication.callers: have no effect without listeners.grpc.tls.client_ca_file or listeners.http.tls.client_ca_file',
    ],
    [
      grpc(MUTUAL),
      'listeners.grpc.tls.client_ca_file: proves nobody without authentication.callers, or authentication.tokens_file',
    ],
    [callers() + grpc(MUTUAL), 'authentication.callers: must be a list of {name, spiffe_id or dns_name, permissions}'],
    [
      callers('gateway') + grpc(MUTUAL),
      'authentication.callers[0]: must be a mapping with name, spiffe_id or dns_name, and permissions',
    ],
    [
      callers('{ name: a, permissions: [check] }') + grpc(MUTUAL),
      'authentication.callers[0]: needs spiffe_id or dns_name',
    ],
    [callers('{ name: a, dns_name: a }') + grpc(MUTUAL), `authentication.callers[0].permissions: ${PERMISSIONS_RULE}`],
    [
      callers('{ name: a, dns_name: a, permissions: [] }') + grpc(MUTUAL),
      `authentication.callers[0].permissions: ${PERMISSIONS_RULE}`,
    ],
    [
      callers('{ name: a, dns_name: a, permissions: [all] }') + grpc(MUTUAL),
      'authentication.callers[0].permissions[0]: must be one of check, filter, write, admin',
    ],
    [
      callers('{ name: A, dns_name: a, permissions: [check] }') + grpc(MUTUAL),
      `authentication.callers[0].name: ${NAME_RULE}`,
    ],
    ...[
      'https://a/b',
      'spiffe://A/b',
      'spiffe://a',
      'spiffe://a/',
      'spiffe://a/b/',
      'spiffe://a/../b',
      'spiffe://a/b?c',
      'spiffe://a:1/b',
      'SPIFFE://a/b',
    ].map((id): [string, string] => [
      callers(`{ name: a, spiffe_id: "${id}", permissions: [check] }`) + grpc(MUTUAL),
      'authentication.callers[0].spiffe_id: must be spiffe://trust-domain/path, the trust domain in lower case',
    ]),
    [
      callers(GATEWAY, '{ name: gateway, dns_name: a, permissions: [check] }') + grpc(MUTUAL),
      'authentication.callers[1].name: is that of another caller too',
    ],
    [
      callers(GATEWAY, '{ name: b, spiffe_id: "spiffe://a/b", permissions: [check] }') + grpc(MUTUAL),
      'authentication.callers[1].spiffe_id: is that of another caller too',
    ],
    [
      callers('{ name: a, dns_name: x, permissions: [check] }', '{ name: b, dns_name: x, permissions: [check] }') +
        grpc(MUTUAL),
      'authentication.callers[1].dns_name: is that of another caller too',
    ],
    [
      callers('{ name: socket, dns_name: x, permissions: [check] }') + grpc(MUTUAL),
      'authentication.callers[0].name: is that of another caller too',
    ],
    // The rest.
    [
      'authentication: { socket_caller: { permissions: [] } }',
      `authentication.socket_caller.permissions: ${PERMISSIONS_RULE}`,
    ],
    [
      'authentication: { reload_interval_ms: 99 }',
      'authentication.reload_interval_ms: must be a whole number from 100 to 3600000',
    ],
    [
      'authentication: { token_file: /tokens }',
      'authentication.token_file: is not a known key (did you mean tokens_file?)',
    ],
  ])('%j does not start', (yaml, ...problems) => {
    const loaded = load({ yaml, files });
    expect(expectProblems(loaded)).toEqual(problems);
    expect(loaded.kind === 'invalid' && formatProblems(loaded.problems).includes(CANARY)).toBe(false);
  });

  it('is told with every problem at once', () => {
    const yaml = `authentication: { tokens_file: /empty }\nlisteners: { grpc: { ${PUBLIC}, tls: { cert_file: /text } }, http: { address: "0.0.0.0:80" } }`;
    expect(expectProblems(load({ yaml, files })).map((problem) => problem.split(': ')[0])).toEqual([
      'listeners.grpc.tls.key_file',
      'listeners.http.address',
      'authentication.tokens_file',
    ]);
  });

  it.each([
    ['tokens on loopback, in plain text', TOKENS],
    ['tokens on a unix socket', TOKENS + grpc('address: "unix:/run/x"')],
    ['tokens over TLS', TOKENS + grpc(`${PUBLIC}, ${TLS}`)],
    ['TLS on loopback for whoever is there', grpc(TLS)],
    ['client certificates', callers(GATEWAY) + grpc(`${PUBLIC}, ${MUTUAL}`)],
    [
      'client certificates and tokens',
      `authentication: { tokens_file: /tokens, callers: [${GATEWAY}] }\n${grpc(`${PUBLIC}, ${MUTUAL}`)}`,
    ],
    ['certificates that only guard tokens', TOKENS + grpc(`${PUBLIC}, ${MUTUAL}`)],
    [
      'everything',
      `authentication:
  tokens_file: /tokens
  callers: [${GATEWAY}, { name: b, dns_name: b.internal, permissions: [filter, admin] }]
  socket_caller: { name: sidecar, permissions: [check] }
  reload_interval_ms: 100
listeners: { grpc: { ${PUBLIC}, ${MUTUAL} }, http: { address: "0.0.0.0:80", ${MUTUAL} } }
`,
    ],
  ])('starts with %s, and its configuration rendered means the same', (_name, yaml) => {
    const config = expectValid(load({ yaml, files }));
    // Secrets are put back by the environment.
    const env = { ...REQUIRED_ENV };
    const again = loadConfig(toDeps({ yaml: renderConfig(config), files, env }), { mode: 'serve' });
    expect(expectValid(again)).toEqual(config);
  });
});
