import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ApplicationMutant, Command, Report } from './protocol.ts';

export interface ApplicationOptions {
  readonly databaseUrl: string;
  readonly taskgate: { readonly kind: 'grpc' | 'http'; readonly address: string };
  readonly mutant: ApplicationMutant | undefined;
}

/** The application in a process of its own. */
export interface ApplicationProcess extends AsyncDisposable {
  /** Resolves when it waits for commands. Rejects if it ends before. */
  readonly ready: Promise<void>;
  /** Whoever wants to hear what it says; one at a time. */
  onReport: (report: Report) => void;
  /** False once it has been killed, or has ended. */
  readonly isAlive: boolean;
  send(command: Command): void;
  /** Sends SIGKILL; resolves when the process is gone and all that it had said is told. */
  kill(): Promise<void>;
}

export function spawnApplication({ databaseUrl, taskgate, mutant }: ApplicationOptions): ApplicationProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'application.ts')], {
    env: {
      PATH: process.env['PATH'],
      APP_DATABASE_URL: databaseUrl,
      ...(taskgate.kind === 'grpc'
        ? { APP_TASKGATE_GRPC: taskgate.address }
        : { APP_TASKGATE_HTTP: `http://${taskgate.address}` }),
      ...(mutant === undefined ? {} : { APP_MUTANT: mutant }),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A command to a process that has just been killed.
  child.stdin.on('error', () => undefined);
  const said = createInterface({ input: child.stdout });
  const closed = Promise.all([once(child, 'exit'), once(said, 'close')]);
  const started = Promise.withResolvers<void>();
  // A spare that is never used may end before anybody waits for it.
  started.promise.catch(() => undefined);
  child.once('exit', () => started.reject(new Error('the application ended before it was ready')));
  const application: ApplicationProcess = {
    ready: started.promise,
    onReport: () => undefined,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    send: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
    async [Symbol.asyncDispose]() {
      await application.kill();
    },
  };
  said.on('line', (line) => {
    const report = JSON.parse(line) as Report;
    if (report.kind === 'ready') started.resolve();
    else application.onReport(report);
  });
  return application;
}
