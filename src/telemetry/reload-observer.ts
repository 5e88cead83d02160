import type { Logger } from 'pino';
import type { ReloadedFiles, ReloadObserver } from '../authorize/ports-callers.ts';
import type { Metrics } from './metrics.ts';

const FILES: readonly ReloadedFiles[] = ['tokens', 'grpc_tls', 'http_tls', 'jwks', 'api_keys'];

/** Counts and logs changes of the files of tokens and certificates. */
export function createReloadObserver(deps: { readonly logger: Logger; readonly metrics: Metrics }): ReloadObserver {
  const { logger, metrics } = deps;
  // A series that begins with its first event shows no increase by it.
  for (const files of FILES) metrics.reloads.inc({ files, outcome: 'refused' }, 0);
  return {
    reloaded(files) {
      metrics.reloads.inc({ files, outcome: 'ok' });
      logger.info({ files }, 'changed files are in use');
    },
    refused(files, err) {
      metrics.reloads.inc({ files, outcome: 'refused' });
      logger.error({ files, err }, 'changed files can not be used: what was there before stays in use');
    },
  };
}
