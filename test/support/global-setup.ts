import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    redisUrl: string;
  }
}

/** Starts the real stores once for all test files, and stops them when the last has ended. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using stores = new AsyncDisposableStack();
  const redis = stores.use(await startRedis());
  const postgres = stores.use(await startPostgres());
  project.provide('redisUrl', redis.url);
  project.provide('postgresUrl', postgres.url);
  const kept = stores.move();
  return async () => kept.disposeAsync();
}
