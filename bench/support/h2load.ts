import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface LoadOptions {
  readonly target: string;
  readonly path: string;
  /** A file that holds one framed gRPC message. */
  readonly bodyFile: string;
  readonly requests: number;
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly streams: number;
  /** The core that h2load is pinned to. */
  readonly core: number;
}

/** Sends the same gRPC request again and again. @returns requests a second. @throws Error if any request failed. */
export async function h2load(options: LoadOptions): Promise<number> {
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];
  const amount = ['-n', `${options.requests}`, '-c', `${options.connections}`, '-m', `${options.streams}`];
  const url = `http://${options.target}${options.path}`;
  const { stdout } = await run('taskset', [
    '-c',
    `${options.core}`,
    'h2load',
    ...amount,
    ...headers,
    '-d',
    options.bodyFile,
    url,
  ]);
  const succeeded = /requests: .* (\d+) succeeded, (\d+) failed/.exec(stdout);
  if (Number(succeeded?.[1]) !== options.requests) throw new Error(`h2load: not every request succeeded\n${stdout}`);
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  if (!Number.isFinite(perSecond)) throw new Error(`h2load: no rate in its output\n${stdout}`);
  return perSecond;
}
