import type { CallContext, ParentResult } from '../authorize/ports.ts';
import { toTaskgateError } from '../domain/errors.ts';

/** The failure of one key. */
export function failedWith(thrown: unknown): ParentResult & { readonly kind: 'failed' } {
  return { kind: 'failed', error: toTaskgateError(thrown) };
}

/** Waits for `count` results; as many failures when the caller's own time is up first. The work itself goes on. */
export async function waitOrLeave(
  results: Promise<readonly ParentResult[]>,
  count: number,
  { signal }: CallContext,
): Promise<readonly ParentResult[]> {
  const { promise: left, resolve } = Promise.withResolvers<readonly ParentResult[]>();
  const leave = (): void => resolve(Array.from({ length: count }, () => failedWith(signal.reason)));
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([results, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
