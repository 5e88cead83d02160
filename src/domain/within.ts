/** Waits for work that is not worth more than so many milliseconds; it goes on by itself. Rejects if the work does in time. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, Math.max(0, timeoutMs));
  try {
    await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
