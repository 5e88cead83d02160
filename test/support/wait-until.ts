import { setTimeout as delay } from 'node:timers/promises';

export interface WaitUntilOptions {
  /** For the error: `… did not happen`. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Milliseconds between two probes. Default 20. */
  readonly intervalMs?: number;
}

/**
 * Asks again and again until there is something: polling for what runs without vitest.
 *
 * @throws Error after `timeoutMs`; its cause is what the last probe threw.
 */
export async function waitUntil<Found>(
  probe: () => Found | undefined | Promise<Found | undefined>,
  { what, timeoutMs, intervalMs = 20 }: WaitUntilOptions,
): Promise<Found> {
  const untilMs = Date.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > untilMs) throw new Error(`${what} did not happen within ${timeoutMs} ms`, { cause });
    await delay(intervalMs);
  }
}
