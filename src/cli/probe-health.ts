import { connect as connectHttp2, constants } from 'node:http2';
import { request } from 'node:http';
import { connect } from 'node:net';

/** A socket that something listens on. */
export type ProbeTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** What was answered. `said`: one line for people; it holds nothing that came from outside but a status. */
export interface ProbeOutcome {
  readonly kind: 'yes' | 'no';
  readonly said: string;
}

const NO_ANSWER: ProbeOutcome = { kind: 'no', said: 'no answer' };
const STATUS_OK = 200;
/** The answer to a health check has four bytes at most; an error, none. */
const MAX_ANSWER_BYTES = 64;
/** An uncompressed message without a field: `HealthCheckRequest` for the server as a whole. */
const EMPTY_MESSAGE = Buffer.alloc(5);
/** The same with field 1, `status`, being 1, `SERVING`. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);

/** Yes if GET answers 200. Never rejects: no answer until `signal` aborts is a no. */
export async function probeHttp(target: ProbeTarget, path: string, signal: AbortSignal): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const asked = request({ ...toSocket(target), path, signal, agent: false, headers: { host: 'localhost' } });
    asked.once('response', (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve({ kind: statusCode === STATUS_OK ? 'yes' : 'no', said: `${path} answers ${statusCode}` });
    });
    asked.once('error', () => resolve(NO_ANSWER));
    asked.end();
  });
}

/**
 * Yes if the standard gRPC health service says SERVING. By hand on HTTP/2, since loading a gRPC client costs a probe more
 * memory and time than all the rest. Never rejects: no answer until `signal` aborts is a no.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export async function probeGrpcHealth(target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
  const giveUp = () => resolve(NO_ANSWER);
  const session = connectHttp2('http://localhost', { createConnection: () => connect(toNetSocket(target)) });
  session.once('error', giveUp).once('close', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let answer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    answer = Buffer.concat([answer, chunk]);
    if (answer.length > MAX_ANSWER_BYTES) giveUp();
  });
  stream.once('error', giveUp);
  stream.once('end', () => {
    const isServing = answer.equals(SERVING);
    resolve({ kind: isServing ? 'yes' : 'no', said: `gRPC health says ${isServing ? 'SERVING' : 'not SERVING'}` });
  });
  stream.end(EMPTY_MESSAGE);
  try {
    return await promise;
  } finally {
    session.destroy();
  }
}

function toSocket(target: ProbeTarget) {
  return 'path' in target ? { socketPath: target.path } : target;
}

function toNetSocket(target: ProbeTarget) {
  return 'path' in target ? { path: target.path } : target;
}
