import type { Logger } from 'pino';
import type { ReloadObserver } from '../authorize/ports-callers.ts';
import type { Metrics } from './metrics.ts';

/** Counts and logs changes of the files of tokens and certificates. */
export function createReloadObserver(deps: { readonly logger: Logger; readonly metrics: Metrics }): ReloadObserver {
  const { logger, metrics } = deps;
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
