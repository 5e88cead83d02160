import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { TEST_ROUTES } from './gateway.ts';

/** The `taskgate.yaml` beside the configuration of a gateway in `deploy/`, as far as the tests change it. */
export interface DeployedConfig {
  readonly principals?: { readonly issuers: readonly DeployedIssuer[] };
  readonly gateway: {
    readonly routes_file: string;
    readonly principal: { readonly from: readonly string[] };
    readonly forward_auth?: { readonly request_headers: 'forwarded' | 'original'; readonly denied_status: 403 | 404 };
  };
}

interface DeployedIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly jwks_url: string;
}

export function readDeployedConfig(folder: string): DeployedConfig {
  return parse(
    readFileSync(new URL(`../../deploy/${folder}/taskgate.yaml`, import.meta.url), 'utf8'),
  ) as DeployedConfig;
}

export interface TestConfigOptions {
  /** The keys of its issuers, where it has any. */
  readonly jwksFile?: string;
  /**
   * Where principals are found besides. Default `headers`, as a deployment may whose gateway finds out who somebody is: a
   * client's own that gets through would be believed.
   */
  readonly alsoFrom?: readonly string[];
}

/** The same with the routes of the tests. */
export function toTestConfig(
  { principals, gateway: deployed }: DeployedConfig,
  { jwksFile, alsoFrom = ['headers'] }: TestConfigOptions = {},
): Readonly<Record<string, unknown>> {
  const { routes_file: _file, ...gateway } = deployed;
  const issuers = principals?.issuers.map((configured) => {
    const { jwks_url: _url, ...issuer } = configured;
    return { ...issuer, jwks_file: jwksFile };
  });
  return {
    ...(issuers === undefined ? {} : { principals: { issuers } }),
    gateway: {
      ...gateway,
      routes: TEST_ROUTES,
      principal: { ...gateway.principal, from: [...alsoFrom, ...gateway.principal.from] },
    },
  };
}
