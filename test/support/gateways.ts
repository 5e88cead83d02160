import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath } from './find-on-path.ts';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait-until.ts';

export type GatewayKind = 'nginx' | 'caddy' | 'haproxy';

/** The addresses in the files of `deploy/`. */
const DEPLOYED = { gateway: '127.0.0.1:8000', taskgate: '127.0.0.1:8080', application: '127.0.0.1:3000' };
const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const START_TIMEOUT_MS = 10_000;

export interface GatewayAddresses {
  readonly taskgate: string;
  readonly application: string;
}

export interface RunningGateway extends AsyncDisposable {
  readonly address: string;
  /** What it wrote on both of its outputs. */
  output(): string;
}

/** The program, which Debian has where not everybody looks. */
export function findGateway(kind: GatewayKind): string | undefined {
  const sbin = `/usr/sbin/${kind}`;
  return findOnPath(kind) ?? (existsSync(sbin) ? sbin : undefined);
}

/** The real gateway with the configuration that is deployed, but for the addresses. @throws Error if it does not start. */
export async function startGateway(
  kind: GatewayKind,
  binary: string,
  { taskgate, application }: GatewayAddresses,
): Promise<RunningGateway> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), `taskgate-${kind}-`));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  // nginx's workers are another user, if it is started by root.
  await chmod(directory, 0o755);
  const address = `127.0.0.1:${await freePort()}`;
  const addresses = { gateway: address, taskgate, application };
  const { args, env = {} } = await PREPARE[kind](directory, addresses);
  const child = spawn(binary, args, { cwd: directory, env: { ...process.env, ...env } });
  const output = collect(child);
  const exited = once(child, 'exit');
  opened.defer(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  await waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}: ${output()}`);
      return (await accepts(address)) ? true : undefined;
    },
    { what: `${kind} listens`, timeoutMs: START_TIMEOUT_MS },
  );
  const kept = opened.move();
  return { address, output, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

interface Prepared {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Addresses = Readonly<Record<keyof typeof DEPLOYED, string>>;

const PREPARE: Readonly<Record<GatewayKind, (directory: string, addresses: Addresses) => Promise<Prepared>>> = {
  async nginx(directory, addresses) {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${join(directory, name)};`)
      .join('\n');
    const text = readDeployed('nginx/nginx.conf', addresses).replace('http {', `http {\naccess_log off;\n${temporary}`);
    const file = join(directory, 'nginx.conf');
    await writeFile(file, text);
    const main = `daemon off; pid ${join(directory, 'nginx.pid')};`;
    return { args: ['-p', directory, '-c', file, '-g', main] };
  },
  async caddy(directory, addresses) {
    const file = join(directory, 'Caddyfile');
    // It listens where `bind` says; what stands before the block is the site.
    const port = addresses.gateway.slice(addresses.gateway.lastIndexOf(':'));
    await writeFile(file, readDeployed('caddy/Caddyfile', { ...addresses, gateway: port }, { gateway: ':8000' }));
    const home = { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
    return { args: ['run', '--config', file, '--adapter', 'caddyfile'], env: home };
  },
  async haproxy(directory, addresses) {
    const script = '/etc/haproxy/taskgate.lua';
    const text = readDeployed('haproxy/haproxy.cfg', addresses);
    // Abstract sockets are the whole machine's: another run must not answer for this one.
    const name = `taskgate_questions_${addresses.gateway.replace(/\D/g, '_')}`;
    const own = (config: string): string => config.replaceAll('abns@taskgate_questions', `abns@${name}`);
    await mkdir(join(directory, 'etc'));
    const lua = join(directory, 'etc', 'taskgate.lua');
    await writeFile(lua, own(readFileSync(join(DEPLOY, 'haproxy/taskgate.lua'), 'utf8')));
    const file = join(directory, 'haproxy.cfg');
    await writeFile(file, own(replaceOnce(text, script, lua)));
    return { args: ['-db', '-f', file] };
  },
};

/** A file of `deploy/` with other addresses in it, each of which must be there. */
function readDeployed(path: string, addresses: Addresses, written: Partial<Addresses> = {}): string {
  let text = readFileSync(join(DEPLOY, path), 'utf8');
  for (const [name, deployed] of Object.entries({ ...DEPLOYED, ...written })) {
    text = replaceOnce(text, deployed, addresses[name as keyof Addresses]);
  }
  return text;
}

function replaceOnce(text: string, found: string, by: string): string {
  if (text.split(found).length !== 2) throw new Error(`${found} is not there once`);
  return text.replace(found, by);
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function accepts(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
