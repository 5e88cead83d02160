import { createHmac, timingSafeEqual } from 'node:crypto';

/** Makes text of bytes that only this deployment can make, and that is good for one purpose only. */
export interface TokenSealer {
  /** @param purpose what the token is good for: as many parts as are needed, in their order. */
  seal(payload: Uint8Array, purpose: readonly string[]): string;
  /** The payload, or undefined for anything that was not sealed for this purpose. */
  open(token: string, purpose: readonly string[]): Buffer | undefined;
}

const SIGNATURE_BYTES = 32;
/** An id of 1,024 bytes and a ZedToken fit several times. */
const MAX_TOKEN_LENGTH = 8_192;

/** @param secrets the first signs, all verify. */
export function createTokenSealer(secrets: readonly [string, ...string[]]): TokenSealer {
  return {
    seal: (payload, purpose) => Buffer.concat([sign(secrets[0], purpose, payload), payload]).toString('base64url'),
    open(token, purpose) {
      if (token.length > MAX_TOKEN_LENGTH) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      const payload = bytes.subarray(SIGNATURE_BYTES);
      const signature = bytes.subarray(0, SIGNATURE_BYTES);
      // Text that decodes to the same bytes is another spelling: refused, so that a token has one form.
      if (payload.length === 0 || bytes.toString('base64url') !== token) return undefined;
      const isSigned = secrets.some((secret) => timingSafeEqual(sign(secret, purpose, payload), signature));
      return isSigned ? payload : undefined;
    },
  };
}

/** Every part before the payload stands behind its length: no purpose can be read as another. */
function sign(secret: string, purpose: readonly string[], payload: Uint8Array): Buffer {
  const bound = purpose.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHmac('sha256', secret).update(bound).update(payload).digest();
}
