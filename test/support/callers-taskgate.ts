import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { hashToken } from '../../src/callers/token-callers.ts';
import type { CallerPermission } from '../../src/domain/caller.ts';
import { CALLER_PERMISSIONS } from '../../src/domain/caller.ts';
import type { TestDirectory } from './files.ts';
import { createTestDirectory } from './files.ts';
import type { TestTaskgate } from './taskgate.ts';
import { startSampleStores, startWithStores } from './taskgate.ts';

/** A random token, as `taskgate hash-token --generate` makes them. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** A tokens file. */
export function toTokensFile(
  callers: readonly {
    readonly name: string;
    readonly tokens: readonly string[];
    readonly permissions: readonly CallerPermission[];
  }[],
): string {
  return JSON.stringify(
    callers.map(({ name, tokens, permissions }) => ({ name, sha256: tokens.map(hashToken), permissions })),
  );
}

export interface TokenTaskgates {
  readonly tcp: TestTaskgate;
  /** The same on a unix socket. */
  readonly socket: TestTaskgate;
  /** Of a caller that has this permission only. */
  readonly tokens: Readonly<Record<CallerPermission, string>>;
  readonly files: TestDirectory;
  /** The file that both write decisions to. */
  readonly decisionLog: string;
}

/** Two taskgates over the same stores that take tokens, with a caller for each permission, for all tests of a file. */
export function useTokenTaskgates(): () => TokenTaskgates {
  const opened = new AsyncDisposableStack();
  let gates: TokenTaskgates | undefined;
  beforeAll(async () => {
    const files = opened.use(await createTestDirectory());
    const tokens = { check: newToken(), filter: newToken(), write: newToken(), admin: newToken() };
    const callers = CALLER_PERMISSIONS.map((permission) => ({
      name: `may-${permission}`,
      tokens: [tokens[permission]],
      permissions: [permission],
    }));
    const path = await files.write('tokens', toTokensFile(callers));
    const decisionLog = await files.write('decisions.log', '');
    const yaml = [
      `authentication: { tokens_file: ${path}, reload_interval_ms: 100, socket_caller: { permissions: [check] } }`,
      `telemetry: { decision_log: { sink: file, path: ${decisionLog} } }`,
    ].join('\n');
    const stores = opened.use(await startSampleStores());
    const tcp = opened.use(await startWithStores(stores, { yaml }));
    const socket = opened.use(await startWithStores(stores, { yaml, grpc: 'socket' }));
    gates = { tcp, socket, tokens, files, decisionLog };
  });
  afterAll(async () => opened.disposeAsync());
  return () => {
    if (gates === undefined) throw new Error('taskgate is not started yet');
    return gates;
  };
}
