import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/authorize/ports-callers.ts';
import { createAuthenticator } from '../../src/callers/authenticator.ts';
import { createFindByToken, hashToken } from '../../src/callers/token-callers.ts';
import type { Caller } from '../../src/domain/caller.ts';
import { UnauthenticatedError } from '../../src/domain/errors.ts';

const permissions: Caller['permissions'] = new Set(['check']);
const socketCaller = { name: 'socket', permissions };
const tokens = createFindByToken([{ name: 'by-token', sha256: [hashToken('good')], permissions }]);
const certificateCallers = [{ name: 'by-certificate', spiffeId: 'spiffe://a/b', permissions }];

const PEERS = {
  socket: { kind: 'socket' },
  tcp: { kind: 'anonymous' },
  certificate: { kind: 'certificate', subjectAltName: 'URI:spiffe://a/b' },
  stranger: { kind: 'certificate', subjectAltName: 'URI:spiffe://a/c' },
  nameless: { kind: 'certificate', subjectAltName: undefined },
} as const satisfies Record<string, Peer>;

const CONFIGURED = {
  nothing: createAuthenticator({}, { certificateCallers: [], socketCaller }),
  tokens: createAuthenticator({ tokens: () => tokens }, { certificateCallers: [], socketCaller }),
  certificates: createAuthenticator({}, { certificateCallers, socketCaller }),
  both: createAuthenticator({ tokens: () => tokens }, { certificateCallers, socketCaller }),
};

describe('who asks', () => {
  it.each<[keyof typeof CONFIGURED, keyof typeof PEERS, string | undefined, string]>([
    ['nothing', 'tcp', undefined, 'local'],
    ['nothing', 'tcp', 'Bearer of the application', 'local'],
    ['nothing', 'socket', undefined, 'socket'],
    ['tokens', 'tcp', 'Bearer good', 'by-token'],
    ['tokens', 'tcp', undefined, 'no_credentials'],
    ['tokens', 'tcp', '', 'malformed_token'],
    ['tokens', 'tcp', 'Bearer bad', 'unknown_token'],
    ['tokens', 'tcp', 'Basic good', 'malformed_token'],
    ['tokens', 'socket', undefined, 'socket'],
    ['tokens', 'socket', 'Bearer good', 'by-token'],
    ['tokens', 'socket', 'Bearer bad', 'unknown_token'],
    ['tokens', 'certificate', undefined, 'unknown_certificate'],
    ['certificates', 'certificate', undefined, 'by-certificate'],
    ['certificates', 'certificate', 'Bearer of the application', 'by-certificate'],
    ['certificates', 'stranger', undefined, 'unknown_certificate'],
    ['certificates', 'nameless', undefined, 'unknown_certificate'],
    ['certificates', 'tcp', undefined, 'no_credentials'],
    ['certificates', 'tcp', 'Bearer good', 'no_credentials'],
    ['certificates', 'socket', undefined, 'socket'],
    ['both', 'certificate', undefined, 'by-certificate'],
    ['both', 'certificate', 'Bearer good', 'by-token'],
    ['both', 'certificate', 'Bearer bad', 'unknown_token'],
    ['both', 'stranger', 'Bearer good', 'by-token'],
    ['both', 'tcp', 'Bearer good', 'by-token'],
    ['both', 'tcp', undefined, 'no_credentials'],
  ])('with %s configured, from %s with the header %j: %s', (configured, peer, header, expected) => {
    const authenticate = CONFIGURED[configured];
    const ask = (): string => authenticate({ peer: PEERS[peer], authorization: () => header }).name;
    const outcome = (): string => {
      try {
        return ask();
      } catch (thrown) {
        return thrown instanceof UnauthenticatedError ? thrown.reason : String(thrown);
      }
    };
    // Twice: what is kept with a connection is the same answer.
    expect([outcome(), outcome()]).toEqual([expected, expected]);
  });

  it('is told by the tokens of now', () => {
    let current = tokens;
    const authenticate = createAuthenticator({ tokens: () => current }, { certificateCallers: [], socketCaller });
    const call = { peer: PEERS.tcp, authorization: () => 'Bearer good' };
    expect(authenticate(call).name).toBe('by-token');
    current = createFindByToken([]);
    expect(() => authenticate(call)).toThrow(UnauthenticatedError);
  });

  it('is one error, whatever the reason', () => {
    const messages = (['no_credentials', 'unknown_token', 'ambiguous_certificate'] as const).map(
      (reason) => new UnauthenticatedError(reason).message,
    );
    expect(new Set(messages).size).toBe(1);
  });
});
