import type { Config, ServeConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/environment.ts';
import type { LoadedConfig } from '../../src/config/load-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';

/** What serving needs, and no more. */
export const REQUIRED_ENV = {
  TASKGATE_SPICEDB_ENDPOINT: 'localhost:50052',
  TASKGATE_SPICEDB_TOKEN: 'a-token',
  TASKGATE_DATABASE_URL: 'postgres://reader@localhost/app',
} as const;

/** A secret that is long enough to sign with. */
export const SIGNING_SECRET = '0123456789abcdef0123456789abcdef';

export interface Source {
  readonly yaml?: string;
  readonly env?: Environment;
  /** Other files, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads a YAML text to serve with, beside the required environment variables. */
export function load({ yaml, env = {}, files = {} }: Source): LoadedConfig<ServeConfig> {
  return loadConfig(toDeps({ ...(yaml === undefined ? {} : { yaml }), files, env: { ...REQUIRED_ENV, ...env } }), {
    mode: 'serve',
  });
}

/** The environment with a file in it that holds the YAML text. */
export function toDeps({ yaml, env = {}, files = {} }: Source) {
  return {
    env: yaml === undefined ? env : { TASKGATE_CONFIG: '/etc/taskgate.yaml', ...env },
    readFile: (path: string): string => {
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      if (text !== undefined) return text;
      if (yaml === undefined || path !== '/etc/taskgate.yaml') {
        throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
      }
      return yaml;
    },
  };
}

/** The configuration, which must be valid. */
export function expectValid<C extends Config>(loaded: LoadedConfig<C>): C {
  if (loaded.kind === 'invalid') throw new Error(`not valid: ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}

/** `path: message` of each problem, of which there must be some. */
export function expectProblems(loaded: LoadedConfig<Config>): readonly string[] {
  if (loaded.kind === 'valid') throw new Error('valid, although it should not be');
  return loaded.problems.map(({ path, message }) => `${path}: ${message}`);
}
