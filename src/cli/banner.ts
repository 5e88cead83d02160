import type { ServeConfig } from '../config/config.ts';
import { maskUrl } from '../config/mask.ts';
import type { ServerAddresses } from '../server.ts';

/** What people want to know of a server that has started, in a few lines. No secret is in it. */
export function renderBanner(config: ServeConfig, addresses: ServerAddresses): string {
  const { spicedb, database, redis, authentication, listeners, telemetry } = config;
  const { traces, decisionLog } = telemetry;
  const lines: readonly (readonly [string, string])[] = [
    ['gRPC', `${addresses.grpc}${listeners.grpc.tls === undefined ? '' : ' (TLS)'}`],
    ['HTTP', `${addresses.http}${listeners.http.tls === undefined ? '' : ' (TLS)'}`],
    ['admin', `${addresses.admin} /livez /readyz /metrics`],
    ['SpiceDB', `${spicedb.endpoint}${spicedb.tls.enabled ? ' (TLS)' : ''}`],
    ['database', maskUrl(database.url)],
    ['Redis', redis === undefined ? 'none' : redis.mode === 'single' ? maskUrl(redis.url) : redis.mode],
    ['callers', callersOf(authentication)],
    ['decision log', decisionLog.sink === 'file' ? (decisionLog.path ?? 'file') : decisionLog.sink],
    ['traces', traces.enabled ? `${traces.sampleRatio * 100} %` : 'off'],
  ];
  return ['', ...lines.map(([name, value]) => `  ${name.padEnd(13)}${value}`), '', ''].join('\n');
}

function callersOf({ tokensFile, callers }: ServeConfig['authentication']): string {
  const proofs = [tokensFile === undefined ? [] : ['tokens'], callers.length === 0 ? [] : ['certificates']].flat();
  return proofs.length === 0 ? 'anybody on this machine' : proofs.join(', ');
}
