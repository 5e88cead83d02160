import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LOAD_CORE } from './cores.ts';

const run = promisify(execFile);

const PROTOCOLS = {
  grpc: ['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
  connect: ['--h1', '-H', 'content-type: application/json'],
  http: ['--h1'],
} as const;

export interface LoadOptions {
  /** Default `grpc`; `connect` is Connect JSON, and `http` anything else, over HTTP/1.1 with kept connections. */
  readonly protocol?: keyof typeof PROTOCOLS;
  readonly target: string;
  readonly path: string;
  /** A file that holds the body: of gRPC one framed message. Default: a GET without one. */
  readonly bodyFile?: string;
  /** Beside those of the protocol, as `name: value`. */
  readonly headers?: readonly string[];
  readonly requests: number;
  /** Default 4. */
  readonly connections?: number;
  /** Requests under way on each connection. Default 16. */
  readonly streams?: number;
}

/** Sends the same request again and again, from the load core. @returns requests a second. @throws Error if any failed. */
export async function h2load(options: LoadOptions): Promise<number> {
  const { protocol = 'grpc', target, path, bodyFile, headers = [], requests } = options;
  const { connections = 4, streams = 16 } = options;
  const body = bodyFile === undefined ? [] : ['-d', bodyFile];
  const more = headers.flatMap((header) => ['-H', header]);
  const amount = ['-n', `${requests}`, '-c', `${connections}`, '-m', `${streams}`];
  const args = [...amount, ...PROTOCOLS[protocol], ...more, ...body, `http://${target}${path}`];
  const { stdout } = await run('taskset', ['-c', `${LOAD_CORE}`, 'h2load', ...args]);
  const succeeded = /requests: .* (\d+) succeeded, (\d+) failed/.exec(stdout);
  if (Number(succeeded?.[1]) !== requests) throw new Error(`h2load: not every request succeeded\n${stdout}`);
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  if (!Number.isFinite(perSecond)) throw new Error(`h2load: no rate in its output\n${stdout}`);
  return perSecond;
}
