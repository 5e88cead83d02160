import type * as Flagd from '@openfeature/flagd-provider';
import type { Logger, Provider } from '@openfeature/server-sdk';

/** Where flagd is. */
export interface FlagdOptions {
  readonly host: string;
  readonly port: number;
  /** In place of host and port. */
  readonly socketPath?: string;
  readonly tls: boolean;
  /** PEM file of the authority to trust, in place of the system's. */
  readonly caFile?: string;
}

/**
 * flagd's provider asks flagd for every evaluation, and tells of changes. What it answers is kept by us, so not by it.
 *
 * @throws Error if its package, which is an optional dependency, is not installed.
 */
export async function createFlagdProvider(options: FlagdOptions, logger: Logger): Promise<Provider> {
  const { FlagdProvider } = await importProvider();
  const { host, port, socketPath, tls, caFile } = options;
  return new FlagdProvider(
    {
      host,
      port,
      tls,
      resolverType: 'rpc',
      cache: 'disabled',
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(caFile === undefined ? {} : { certPath: caFile }),
    },
    logger,
  );
}

async function importProvider(): Promise<typeof Flagd> {
  try {
    return await import('@openfeature/flagd-provider');
  } catch (cause) {
    throw new Error('rollout.provider is flagd, which needs the package @openfeature/flagd-provider', { cause });
  }
}
