import type { LineSink } from './line-buffer.ts';

/** What is used of `process.stdout`. */
export interface Output {
  /** `taken` is called once the text has left, or with the error that kept it. */
  write(text: string, taken: (error?: Error | null) => void): unknown;
}

/**
 * Writes lines to an output of the process. One that nobody reads takes nothing, and keeps all that it is given: so it is
 * given no more until it has taken what it has.
 */
export function createOutputSink({ output }: { readonly output: Output }): LineSink {
  return {
    async write(lines) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      output.write(lines.join(''), (error) => {
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
      await promise;
    },
    async close() {},
  };
}
