import { errors } from 'jose';
import type { CallContext, Clock } from '../authorize/ports.ts';
import { toTaskgateError, UnavailableError } from '../domain/errors.ts';
import type { FindKey } from './key-set.ts';

/** Finds the key of a token, within a call. */
export type FindIssuerKey = (
  header: Parameters<FindKey>[0],
  token: Parameters<FindKey>[1],
  context: CallContext,
) => ReturnType<FindKey>;

export interface RemoteKeysDeps {
  readonly clock: Clock;
  /** Has a deadline of its own. Rejects whatever is wrong. */
  readonly fetchKeys: (signal: AbortSignal) => Promise<FindKey>;
  /** Told of each fetch that failed. */
  readonly onFault: (error: unknown) => void;
}

export interface RemoteKeysOptions {
  /** Milliseconds that keys are used for, so that one that is taken back ends; fetched anew in the last fifth of it. */
  readonly maxAgeMs: number;
  /** Milliseconds after a fetch before a key that is not there makes another one. */
  readonly cooldownMs: number;
}

export interface RemoteKeys extends Disposable {
  /**
   * @throws JWKSNoMatchingKey if the issuer has no such key.
   * @throws UnavailableError if the keys could not be had.
   * @throws the signal's reason when it aborts, as a TaskgateError.
   */
  readonly findKey: FindIssuerKey;
  /** Another object after each fetch; undefined while there are none, or a fetch is due. */
  readonly currentKeys: () => object | undefined;
}

/** Milliseconds after a fetch that failed before the next one: until then, what needs it fails at once. */
const RETRY_MS = 1_000;
const RENEWED_FROM = 0.8;

/**
 * The keys of an issuer, fetched when they are needed. One fetch is shared by all who wait, and ends for none of them by
 * another's leaving. An unknown key id makes a fetch once in `cooldownMs` at most, whoever invents them.
 */
export function createRemoteKeys(
  { clock, fetchKeys, onFault }: RemoteKeysDeps,
  { maxAgeMs, cooldownMs }: RemoteKeysOptions,
): RemoteKeys {
  const closing = new AbortController();
  let kept: { readonly find: FindKey; readonly fetchedAtMs: number } | undefined;
  let fetching: Promise<void> | undefined;
  let failure: { readonly atMs: number; readonly cause: unknown } | undefined;

  const ageMs = (): number => (kept === undefined ? Infinity : clock.nowMs() - kept.fetchedAtMs);

  /** @throws UnavailableError at once while the last failure is fresh. */
  async function refresh(): Promise<void> {
    if (fetching === undefined && failure !== undefined && clock.nowMs() - failure.atMs < RETRY_MS) {
      throw new UnavailableError('issuer', { cause: failure.cause });
    }
    fetching ??= fetchKeys(closing.signal)
      .then(
        (find) => {
          kept = { find, fetchedAtMs: clock.nowMs() };
          failure = undefined;
        },
        (cause: unknown) => {
          failure = { atMs: clock.nowMs(), cause };
          onFault(cause);
          throw new UnavailableError('issuer', { cause });
        },
      )
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  return {
    async findKey(header, token, context) {
      if (ageMs() >= maxAgeMs) await orAborted(refresh(), context.signal);
      // Nobody waits for this one; its failure is told by itself.
      else if (ageMs() >= maxAgeMs * RENEWED_FROM) refresh().catch(() => undefined);
      const find = keptKeys();
      try {
        return await find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || ageMs() < cooldownMs) throw error;
        await orAborted(refresh(), context.signal);
        return keptKeys()(header, token);
      }
    },
    currentKeys: () => (ageMs() < maxAgeMs * RENEWED_FROM ? kept : undefined),
    [Symbol.dispose]: () => closing.abort(),
  };

  function keptKeys(): FindKey {
    if (kept === undefined) throw new UnavailableError('issuer', { cause: 'no keys' });
    return kept.find;
  }
}

/** Waits for something that goes on without whoever leaves. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(toTaskgateError(signal.reason));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
