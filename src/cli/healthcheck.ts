import type { ListenerAddress, TcpAddress } from '../config/address.ts';
import { loadConfig } from '../config/load-config.ts';
import { formatProblems } from '../config/problem.ts';
import type { CommandDeps } from './config.ts';
import type { ProbeTarget } from './probe-health.ts';
import { probeGrpcHealth, probeHttp } from './probe-health.ts';
import type { ExitCode } from './usage.ts';
import { EXIT_CODES } from './usage.ts';

export interface HealthcheckOptions {
  /** The admin listener's `/readyz` or `/livez`, or the health service of the gRPC listener. */
  readonly asks: 'ready' | 'live' | 'grpc';
}

const TIMEOUT_MS = 5_000;
/** What is bound to every address is asked on loopback. */
const LOOPBACK = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/**
 * Asks the taskgate that the same configuration started. 0: it says yes. 1: it says no, or nothing within 5 s. 2: the
 * configuration is wrong, or names no address that can be asked.
 */
export async function runHealthcheck(
  { stdout, stderr, ...deps }: CommandDeps,
  { asks }: HealthcheckOptions,
): Promise<ExitCode> {
  const loaded = loadConfig(deps, { mode: 'serve' });
  if (loaded.kind === 'invalid') {
    stderr.write(formatProblems(loaded.problems));
    return EXIT_CODES.misused;
  }
  const { admin, grpc } = loaded.config.listeners;
  const target = toTarget(asks === 'grpc' ? grpc.address : admin.address);
  if (target === undefined) {
    stderr.write('taskgate: the listener has port 0, any free one: nobody knows which to ask\n');
    return EXIT_CODES.misused;
  }
  if (asks === 'grpc' && grpc.tls !== undefined) {
    stderr.write('taskgate: --grpc asks in plain text, and the listener speaks TLS: ask without it\n');
    return EXIT_CODES.misused;
  }
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const outcome =
    asks === 'grpc'
      ? await probeGrpcHealth(target, signal)
      : await probeHttp(target, asks === 'live' ? '/livez' : '/readyz', signal);
  (outcome.kind === 'yes' ? stdout : stderr).write(`${outcome.said}\n`);
  return outcome.kind === 'yes' ? EXIT_CODES.ok : EXIT_CODES.failed;
}

function toTarget(address: ListenerAddress): ProbeTarget | undefined {
  if (address.kind === 'unix') return { path: address.path };
  const { host, port }: TcpAddress = address;
  return port === 0 ? undefined : { host: LOOPBACK.get(host) ?? host, port };
}
