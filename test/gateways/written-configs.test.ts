import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULT_IDENTITY_HEADERS } from '../../src/authorize/identity-headers.ts';
import { REQUEST_HEADERS } from '../../src/http/forward-auth/asked-request.ts';
import { FORWARD_AUTH_PATH } from '../../src/http/forward-auth/forward-auth.ts';
import { load, expectValid } from '../config/support.ts';

const IDENTITY = Object.values(DEFAULT_IDENTITY_HEADERS);
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
    expect(new Set(Object.keys(removed))).toEqual(new Set([...IDENTITY, ...ASKED, 'taskgate-authorization']));
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

it.each(['nginx/nginx.conf', 'caddy/Caddyfile', 'haproxy/haproxy.cfg', 'traefik/dynamic.yaml', 'apisix/route.yaml'])(
  '%s says at its head what taskgate is configured to, which is valid',
  (path) => {
    const yaml = /^# taskgate: (.+)$/m.exec(read(path))?.[1];
    expect(yaml).toBeDefined();
    const { forwardAuth } = expectValid(load({ yaml: yaml ?? '' })).gateway;
    const expected =
      path === 'nginx/nginx.conf'
        ? { requestHeaders: 'original', deniedStatus: 403 }
        : { requestHeaders: 'forwarded', deniedStatus: 404 };
    expect(forwardAuth).toEqual(expected);
  },
);
