import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadSync } from '@grpc/proto-loader';
import { freePort } from '../../test/support/free-port.ts';
import { frameGrpcMessage, postGrpc } from '../../test/support/raw-http.ts';
import { SERVER_CORE } from './cores.ts';

export const CERBOS_VERSION = '0.55.0';
export const CERBOS_PATH = '/cerbos.svc.v1.CerbosService/CheckResources';
const START_TIMEOUT_MS = 10_000;
const INSTALL = fileURLToPath(new URL('../../scripts/install-cerbos.sh', import.meta.url));
const POLICIES = fileURLToPath(new URL('../cerbos/policies', import.meta.url));
const PROTO = fileURLToPath(new URL('../cerbos/check-resources.proto', import.meta.url));

/** A Cerbos PDP on the core for servers, with one thread for Go, whose policy has a rule like the task's. */
export interface CerbosServer extends AsyncDisposable {
  /** `host:port`. */
  readonly grpc: string;
  /** One framed CheckResources request, which is allowed. */
  readonly body: Buffer;
}

/** @throws Error if it can't be installed or started, or does not allow what it is to allow. */
export async function startCerbos(): Promise<CerbosServer> {
  const { stdout } = await promisify(execFile)(INSTALL, [CERBOS_VERSION]);
  const grpc = `127.0.0.1:${await freePort()}`;
  const settings = [
    `server.grpcListenAddr=${grpc}`,
    `server.httpListenAddr=127.0.0.1:${await freePort()}`,
    'storage.driver=disk',
    `storage.disk.directory=${POLICIES}`,
    'telemetry.disabled=true',
  ].map((setting) => `--set=${setting}`);
  const server = spawn('taskset', ['-c', `${SERVER_CORE}`, stdout.trim(), 'server', '--log-level=error', ...settings], {
    env: { ...process.env, GOMAXPROCS: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await exited;
  };
  try {
    await answers(grpc);
  } catch (error) {
    await stop();
    throw error;
  }
  return { grpc, body: frameGrpcMessage(toRequest('alice')), [Symbol.asyncDispose]: stop };
}

async function answers(target: string): Promise<void> {
  const until = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      const [allowed, denied] = [await effectFor(target, 'alice'), await effectFor(target, 'dave')];
      if (allowed === 'EFFECT_ALLOW' && denied === 'EFFECT_DENY') return;
      throw new Error(`Cerbos: ${allowed} for the owner, ${denied} for a stranger`);
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(50);
    }
  }
}

const methods = loadSync(PROTO, { enums: String })['cerbos.svc.v1.CerbosService'] as unknown as {
  readonly CheckResources: {
    requestSerialize(request: object): Buffer;
    responseDeserialize(bytes: Buffer): { results: readonly { actions: Readonly<Record<string, string>> }[] };
  };
};

async function effectFor(target: string, userId: string): Promise<string | undefined> {
  const { body } = await postGrpc(target, CERBOS_PATH, toRequest(userId));
  return methods.CheckResources.responseDeserialize(body.subarray(5)).results[0]?.actions['read'];
}

/** The question of the warm rows. Cerbos has no relationships: what taskgate looks up comes with the request. */
function toRequest(userId: string): Buffer {
  const text = (stringValue: string) => ({ stringValue });
  const attr = { account: text('acme'), owner: text('alice'), editor: text('bob'), viewer: text('carol') };
  return methods.CheckResources.requestSerialize({
    principal: { id: userId, roles: ['user'], attr: { account: text('acme') } },
    resources: [{ actions: ['read'], resource: { kind: 'message', id: 'msg-1', attr } }],
  });
}
