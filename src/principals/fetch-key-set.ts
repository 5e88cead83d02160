import type { FindKey } from './key-set.ts';
import { parseKeySet } from './key-set.ts';

export interface FetchKeySetOptions {
  readonly url: string;
  /** Milliseconds for the whole answer. */
  readonly timeoutMs: number;
  /** Bytes of the answer, unpacked; more is a fault. */
  readonly maxBytes: number;
}

/**
 * Fetches a key set. Redirects are not followed: what the configuration names is where the keys are.
 *
 * @throws Error whatever is wrong.
 */
export async function fetchKeySet(
  { url, timeoutMs, maxBytes }: FetchKeySetOptions,
  signal: AbortSignal,
): Promise<FindKey> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`answered with status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > maxBytes) throw new Error(`answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return parseKeySet(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
}
