import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { findOnPath } from './find-on-path.ts';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait-until.ts';

const START_TIMEOUT_MS = 20_000;
const DEPLOYED = new URL('../../deploy/envoy/envoy.yaml', import.meta.url);
const BUILT = fileURLToPath(new URL('../../.cache/bin/envoy', import.meta.url));

/** A mapping or a list of the configuration. */
export type ConfigTree = Readonly<Record<string, unknown>>;

/** The configuration that is deployed, parsed anew. */
export async function loadEnvoyConfig(): Promise<ConfigTree> {
  return parse(await readFile(DEPLOYED, 'utf8')) as ConfigTree;
}

/**
 * Finds a part of a configuration.
 *
 * @param path Keys and indexes, or `name=…` for the entry of a list that has that name.
 * @throws Error if it is not there
 */
export function at(tree: ConfigTree, ...path: readonly (string | number)[]): ConfigTree {
  return path.reduce<ConfigTree>((found, step) => {
    const name = typeof step === 'string' && step.startsWith('name=') ? step.slice('name='.length) : undefined;
    const next =
      name === undefined ? found[step] : Object.values(found).find((entry) => isTree(entry) && entry['name'] === name);
    if (!isTree(next)) throw new Error(`the configuration has no ${path.join('.')}: ${step} is missing`);
    return next;
  }, tree);
}

function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null;
}

/** `envoy` on the PATH, or as `scripts/install-envoy.sh` puts it there. */
export function findEnvoy(): string | undefined {
  return findOnPath('envoy') ?? (existsSync(BUILT) ? BUILT : undefined);
}

export interface Envoy extends AsyncDisposable {
  /** `host:port` of the listener. */
  readonly address: string;
}

export interface EnvoyOptions {
  /** Where its clusters are, by name. */
  readonly clusters: Readonly<Record<string, string>>;
  /** A JSON Web Key Set, in place of the issuer that is deployed. */
  readonly keys: string;
  /** Changes something else. */
  readonly edit?: (config: ConfigTree) => void;
}

/** A real Envoy with the configuration that is deployed, but for its addresses and keys. */
export async function startEnvoy(binary: string, { clusters, keys, edit }: EnvoyOptions): Promise<Envoy> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-envoy-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const config = await loadEnvoyConfig();
  const [port, adminPort] = [await freePort(), await freePort()];
  const resources = at(config, 'static_resources');
  Object.assign(at(resources, 'listeners', 0, 'address', 'socket_address'), { address: '127.0.0.1', port_value: port });
  Object.assign(at(config, 'admin', 'address', 'socket_address'), { port_value: adminPort });
  for (const [name, address] of Object.entries(clusters)) {
    const endpoint = at(resources, 'clusters', `name=${name}`, 'load_assignment', 'endpoints', 0, 'lb_endpoints', 0);
    const [host, clusterPort] = address.split(':');
    const socket = { socket_address: { address: host, port_value: Number(clusterPort) } };
    const pipe = { pipe: { path: address.slice('unix:'.length) } };
    Object.assign(at(endpoint, 'endpoint'), { address: address.startsWith('unix:') ? pipe : socket });
  }
  const jwt = at(
    managerOf(config),
    'http_filters',
    'name=envoy.filters.http.jwt_authn',
    'typed_config',
    'providers',
    'issuer',
  );
  Reflect.deleteProperty(jwt, 'remote_jwks');
  Object.assign(jwt, { local_jwks: { inline_string: keys } });
  edit?.(config);
  const path = join(directory, 'envoy.json');
  await writeFile(path, JSON.stringify(config));
  const options = ['-c', path, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
  const child = spawn(binary, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  opened.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  await waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`envoy ended: ${said}`);
      return (await isReady(adminPort)) ? true : undefined;
    },
    { what: 'envoy', timeoutMs: START_TIMEOUT_MS },
  );
  const kept = opened.move();
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

/** The HTTP connection manager of a configuration. */
export function managerOf(config: ConfigTree): ConfigTree {
  return at(config, 'static_resources', 'listeners', 0, 'filter_chains', 0, 'filters', 0, 'typed_config');
}

async function isReady(adminPort: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${adminPort}/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );
}
