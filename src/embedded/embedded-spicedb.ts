import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EmbeddedSpiceDbMessage, EmbeddedSpiceDbWorkerData } from './embedded-spicedb-worker.ts';

export interface EmbeddedSpiceDb extends AsyncDisposable {
  /** `unix:/path`, in a directory that only this user may enter. Speaks `authzed.api.v1` without a token. */
  readonly endpoint: string;
  /** Ends the engine, its thread and its sockets; what it holds is gone. Calls that are under way fail. */
  close(): Promise<void>;
}

/**
 * Starts SpiceDB inside this process, in memory. Its calls are synchronous, so that it has a thread of its own, and it
 * is reached over a socket, so that one client serves it and a remote SpiceDB alike.
 *
 * @throws Error when it can't start or refuses the schema.
 */
export async function startEmbeddedSpiceDb({ schema }: { readonly schema: string }): Promise<EmbeddedSpiceDb> {
  // mkdtemp makes it 0700.
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-spicedb-'));
  const socketPath = join(directory, 'spicedb.sock');
  const workerData: EmbeddedSpiceDbWorkerData = { schema, socketPath };
  const worker = new Worker(new URL('embedded-spicedb-worker.ts', import.meta.url), { workerData, execArgv: [] });
  const { promise: exited, resolve: onExit } = Promise.withResolvers<number>();
  worker.once('exit', onExit);
  // Without a listener an error of the thread would end the process; its clients see UNAVAILABLE.
  worker.on('error', () => undefined);

  const close = async (): Promise<void> => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin.
    worker.postMessage('close');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };

  try {
    await started(worker);
  } catch (error) {
    await worker.terminate();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return { endpoint: `unix:${socketPath}`, close, [Symbol.asyncDispose]: close };
}

async function started(worker: Worker): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  worker.once('message', (message: EmbeddedSpiceDbMessage) => {
    if (message.kind === 'started') resolve(undefined);
    else reject(new Error(`the embedded SpiceDB did not start: ${message.problem}`));
  });
  worker.once('error', reject);
  worker.once('exit', () => reject(new Error('the embedded SpiceDB did not start: its thread ended')));
  await promise;
}
