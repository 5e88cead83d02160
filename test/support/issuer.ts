import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface SignOptions {
  readonly alg?: string;
  readonly kid?: string;
  readonly typ?: string;
  readonly key?: CryptoKey | Uint8Array;
}

/** Somebody who signs tokens and publishes keys on loopback. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  /** Requests for the keys so far. */
  readonly fetches: () => number;
  /** A new key, which signs from now on; those before stay published unless `alone`. */
  rotate(options?: { readonly alone?: boolean }): Promise<void>;
  sign(claims: JWTPayload, options?: SignOptions): Promise<string>;
  /** Answers in another way from now on; undefined: as it should. */
  behave(handler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined): void;
  readonly publicKeys: () => readonly JWK[];
}

export const ISSUER = 'https://login.example.com/';
export const AUDIENCE = 'agentex';
const HOUR_S = 3_600;

/** Claims of a good token, an hour long. */
export function goodClaims(nowMs: number = Date.now()): JWTPayload {
  const now = Math.floor(nowMs / 1_000);
  return { iss: ISSUER, aud: AUDIENCE, sub: 'alice', account_id: 'acme', iat: now, exp: now + HOUR_S };
}

export async function startIssuer(): Promise<TestIssuer> {
  let keys: { readonly kid: string; readonly privateKey: CryptoKey; readonly jwk: JWK }[] = [];
  let made = 0;
  let fetches = 0;
  let handler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  const rotate = async ({ alone = false }: { readonly alone?: boolean } = {}): Promise<void> => {
    made += 1;
    const kid = `key-${made}`;
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
    keys = [{ kid, privateKey, jwk }, ...(alone ? [] : keys)];
  };
  await rotate();
  const server = createServer((request, response) => {
    fetches += 1;
    if (handler !== undefined) return handler(request, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/keys`,
    fetches: () => fetches,
    rotate,
    async sign(claims, { alg = 'ES256', kid = keys[0]?.kid ?? '', typ, key = keys[0]?.privateKey } = {}) {
      if (key === undefined) throw new Error('no key');
      const header = { alg, ...(kid === '' ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
      return new SignJWT(claims).setProtectedHeader(header).sign(key);
    },
    behave: (other) => {
      handler = other;
    },
    publicKeys: () => keys.map(({ jwk }) => jwk),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
