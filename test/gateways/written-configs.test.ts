import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULT_IDENTITY_HEADERS } from '../../src/authorize/identity-headers.ts';
import { REQUEST_HEADERS } from '../../src/http/forward-auth/asked-request.ts';
import { FORWARD_AUTH_PATH } from '../../src/http/forward-auth/forward-auth.ts';
import { load, expectValid } from '../config/support.ts';

const IDENTITY = Object.values(DEFAULT_IDENTITY_HEADERS);
/** What taskgate finds a principal by where `gateway.principal.from` names headers. */
const PRINCIPAL = Object.values(expectValid(load({})).principals.gateway.headers);
const ASKED = Object.values(REQUEST_HEADERS).flatMap(({ method, target }) => [method, target]);
const DOOR = `http://127.0.0.1:8080${FORWARD_AUTH_PATH}`;

function read(path: string): string {
  return readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
}

interface TraefikConfig {
  readonly http: {
    readonly routers: Readonly<Record<string, { readonly middlewares: readonly string[] }>>;
    readonly middlewares: Readonly<
      Record<string, { readonly headers?: { readonly customRequestHeaders: Readonly<Record<string, string>> } }>
    >;
  };
}

describe('the configuration of Traefik', () => {
  const { http } = parse(read('traefik/dynamic.yaml')) as TraefikConfig;

  it("removes the client's copies before it asks, on every route", () => {
    for (const { middlewares } of Object.values(http.routers)) {
      expect(middlewares).toEqual(['without-client-copies', 'taskgate', 'without-caller-token']);
    }
    const removed = http.middlewares['without-client-copies']?.headers?.customRequestHeaders ?? {};
    expect(new Set(Object.keys(removed))).toEqual(
      new Set([...IDENTITY, ...PRINCIPAL, ...ASKED, 'taskgate-authorization']),
    );
    expect(new Set(Object.values(removed))).toEqual(new Set(['']));
    expect(http.middlewares['without-caller-token']?.headers?.customRequestHeaders).toEqual({
      'taskgate-authorization': '',
    });
  });

  it('asks taskgate with its own headers, and takes every identity header of the answer', () => {
    expect(http.middlewares['taskgate']).toEqual({
      forwardAuth: { address: DOOR, trustForwardHeader: false, authResponseHeaders: IDENTITY },
    });
  });
});

interface ApisixConfig {
  readonly routes: readonly { readonly plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>> }[];
}

describe('the configuration of APISIX', () => {
  const text = read('apisix/route.yaml');
  const { routes } = parse(text) as ApisixConfig;

  it('asks taskgate on every route, takes every identity header, and fails closed', () => {
    for (const { plugins } of routes) {
      expect(Object.keys(plugins)).toEqual(['forward-auth']);
      expect(plugins['forward-auth']).toMatchObject({
        uri: DOOR,
        request_headers: [expectValid(load({})).principals.gateway.tokenHeader],
        upstream_headers: IDENTITY,
        allow_degradation: false,
        status_on_error: 503,
      });
    }
  });

  it('ends as APISIX wants it', () => {
    expect(text.trimEnd().split('\n').at(-1)).toBe('#END');
  });
});

/** The file of each gateway, and what its taskgate has to say. */
const GATEWAYS = {
  nginx: ['nginx.conf', ['jwt'], { requestHeaders: 'original', deniedStatus: 403 }],
  caddy: ['Caddyfile', ['jwt'], { requestHeaders: 'forwarded', deniedStatus: 404 }],
  haproxy: ['haproxy.cfg', ['jwt'], { requestHeaders: 'forwarded', deniedStatus: 404 }],
  traefik: ['dynamic.yaml', ['jwt'], { requestHeaders: 'forwarded', deniedStatus: 404 }],
  apisix: ['route.yaml', ['jwt'], { requestHeaders: 'forwarded', deniedStatus: 404 }],
  envoy: ['envoy.yaml', ['claims'], undefined],
} as const;

describe.each(Object.entries(GATEWAYS))('the taskgate.yaml for %s', (folder, [file, from, forwardAuth]) => {
  const text = read(`${folder}/taskgate.yaml`);
  const files = { '/etc/taskgate/routes.yaml': read('routes/agentex.yaml') };
  const { gateway, principals } = expectValid(load({ yaml: text, files }));

  it('is named at the head of its configuration, and valid as it is', () => {
    expect(read(`${folder}/${file}`)).toContain('# taskgate: taskgate.yaml, beside this file');
    expect(gateway.forwardAuth).toEqual(forwardAuth);
    expect(gateway.routes.length).toBeGreaterThan(10);
  });

  it('believes no header of a client', () => {
    expect(principals.gateway.from).toEqual(from);
    expect(gateway.identityHeaders).toEqual(DEFAULT_IDENTITY_HEADERS);
  });

  it('names the identity headers that the gateway passes on, and those that it takes away from clients', () => {
    const written = read(`${folder}/${file}`).toLowerCase();
    for (const name of IDENTITY) expect(written).toContain(name);
    const isSelective = folder === 'apisix';
    const isByPrefix = folder === 'caddy' || folder === 'haproxy';
    if (isSelective || isByPrefix) return;
    for (const name of PRINCIPAL) expect(written).toContain(name);
  });
});
