import type { ApplicationProcess, ApplicationOptions } from './application-process.ts';
import { spawnApplication } from './application-process.ts';
import type { Sidecar } from './sidecar.ts';

/** Applications that are started ahead, so that a round does not wait for one. */
export interface Spares extends AsyncDisposable {
  /** One that waits for commands; they talk gRPC and Connect in turn. */
  take(): Promise<ApplicationProcess>;
  /** Kills all that were ever started. */
  stop(): Promise<void>;
}

export function createSpares({
  addresses: { grpc, http },
  ...options
}: Omit<ApplicationOptions, 'taskgate'> & Pick<Sidecar, 'addresses'>): Spares {
  const started: ApplicationProcess[] = [];
  const spawn = (): ApplicationProcess => {
    const taskgate =
      started.length % 2 === 0
        ? ({ kind: 'grpc', address: grpc } as const)
        : ({ kind: 'http', address: http } as const);
    const application = spawnApplication({ ...options, taskgate });
    started.push(application);
    return application;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(started.map(async (application) => application.kill()));
  };
  let spare = spawn();
  return {
    stop,
    async take() {
      const taken = spare;
      spare = spawn();
      await taken.ready;
      return taken;
    },
    [Symbol.asyncDispose]: stop,
  };
}
