import { createTestDirectory } from './files.ts';
import type { DeployedConfig } from './deployed-config.ts';
import { readDeployedConfig, toTestConfig } from './deployed-config.ts';
import { exchangeHttp } from './exchange-http.ts';
import { startFaultProxy, toProxyTarget } from './fault-proxy.ts';
import { goodClaims, startIssuer } from './issuer.ts';
import { startSampleStores, startWithStores } from './taskgate.ts';
import { waitUntil } from './wait-until.ts';

/** A taskgate that gateways ask. */
export interface GatewayTaskgate extends AsyncDisposable {
  readonly address: string;
  /** The `authorization` header of a user in an account. */
  authorizationOf(user: string, account: string): Promise<string>;
  /** What happens to whatever must be looked up from now on. */
  setStores(mode: StoresMode): Promise<void>;
}

export type StoresMode = 'ok' | 'down' | 'held';

const STORES = { ok: 'ok', down: 'refuse', held: 'hang' } as const;
/** The gateway is the first that has enough. */
const SPICEDB_TIMEOUT_MS = 8_000;
const BUDGETS = {
  limits: { default_timeout_ms: 9_000 },
  spicedb: { timeout_ms: SPICEDB_TIMEOUT_MS },
  decisions: { cache: false },
};
const RECOVERY_MS = 15_000;
const ASKED = {
  forwarded: ['x-forwarded-method', 'x-forwarded-uri'],
  original: ['x-original-method', 'x-original-uri'],
} as const;

/** The real server over the sample data, with the settings that `deploy/<gateway>/taskgate.yaml` says. */
export async function startGatewayTaskgate(gateway: string): Promise<GatewayTaskgate> {
  await using opened = new AsyncDisposableStack();
  const deployed = readDeployedConfig(gateway);
  const issuer = opened.use(await startIssuer());
  const files = opened.use(await createTestDirectory());
  const jwksFile = await files.write('jwks.json', JSON.stringify({ keys: issuer.publicKeys() }));
  const stores = opened.use(await startSampleStores());
  const link = opened.use(await startFaultProxy(toProxyTarget(stores.spiceDb.endpoint)));
  const spiceDb = { ...stores.spiceDb, endpoint: link.address, timeoutMs: SPICEDB_TIMEOUT_MS };
  const yaml = JSON.stringify({ ...toTestConfig(deployed, { jwksFile }), ...BUDGETS });
  const gate = opened.use(await startWithStores({ ...stores, spiceDb }, { yaml }));
  const address = gate.addresses.http;
  const { issuer: iss, aud } = issuerOf(deployed);
  const authorizationOf = async (user: string, account: string): Promise<string> =>
    `Bearer ${await issuer.sign({ ...goodClaims(), iss, aud, sub: user, account_id: account })}`;
  const alice = await authorizationOf('alice', 'acme');
  const kept = opened.move();
  return {
    address,
    authorizationOf,
    async setStores(mode) {
      await link.setMode(STORES[mode]);
      if (mode !== 'ok') return;
      await waitUntil(async () => ((await isAllowed(address, deployed, alice)) ? true : undefined), {
        what: 'taskgate decides again',
        timeoutMs: RECOVERY_MS,
      });
    },
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

function issuerOf({ principals }: DeployedConfig): { readonly issuer: string; readonly aud: string } {
  const { issuer = '', audiences: [aud = ''] = [] } = principals?.issuers[0] ?? {};
  return { issuer, aud };
}

async function isAllowed(address: string, { gateway }: DeployedConfig, authorization: string): Promise<boolean> {
  const [method, target] = ASKED[gateway.forward_auth?.request_headers ?? 'forwarded'];
  const headers = [[method, 'GET'], [target, '/tasks/task-1'], ['authorization', authorization]] as const; // prettier-ignore
  return (await exchangeHttp(address, { target: '/forward-auth', headers })).status === 200;
}
