import type { PrincipalObserver } from '../../src/authorize/ports-principals.ts';
import { fetchKeySet } from '../../src/principals/fetch-key-set.ts';
import { createMapClaims } from '../../src/principals/map-claims.ts';
import { createRemoteKeys } from '../../src/principals/remote-keys.ts';
import type { Issuer } from '../../src/principals/verify-jwt.ts';
import { createVerifyJwt } from '../../src/principals/verify-jwt.ts';
import { AUDIENCE, ISSUER } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';

export const SILENT: PrincipalObserver = { proved: () => undefined, keysFailed: () => undefined };
export const BOUNDS = { maxAgeMs: 600_000, cooldownMs: 30_000, timeoutMs: 300, maxBytes: 10_000 };

/** Verifies tokens of a real issuer on loopback, by the real fetch. */
export function verifierOf(
  issuer: TestIssuer,
  clock: { readonly nowMs: () => number },
  overrides: Partial<Issuer> = {},
) {
  const faults: unknown[] = [];
  const keys = createRemoteKeys(
    {
      clock,
      fetchKeys: async (signal) => fetchKeySet({ url: issuer.url, ...BOUNDS }, signal),
      onFault: (error) => faults.push(error),
    },
    BOUNDS,
  );
  const verify = createVerifyJwt(
    { clock },
    {
      issuers: [
        {
          issuer: ISSUER,
          audiences: [AUDIENCE, 'other'],
          algorithms: ['ES256'],
          findKey: keys.findKey,
          currentKeys: keys.currentKeys,
          mapClaims: createMapClaims({
            ids: { user_id: ['sub'], service_account_id: ['app', 'id'] },
            account: { kind: 'claim', path: ['account_id'] },
          }),
          ...overrides,
        },
      ],
      clockToleranceMs: 5_000,
      maxTokenBytes: 4_096,
    },
  );
  return { verify, faults, close: () => keys[Symbol.dispose]() };
}
