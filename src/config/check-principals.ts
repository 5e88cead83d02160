import { parseApiKeyFile } from '../principals/api-keys.ts';
import { parseKeySet } from '../principals/key-set.ts';
import type { ClaimsSettings } from './principal-settings.ts';
import type { ReportConflict } from './problem-list.ts';
import type { ReadFile } from './read-file.ts';
import { readSetting } from './read-file.ts';
import type { Settings } from './settings-schema.ts';

interface CheckDeps {
  readonly readFile: ReadFile;
  readonly report: ReportConflict;
}

const ISSUERS = 'principals.issuers';
const API_KEYS = 'principals.api_keys_file';
const FROM = 'gateway.principal.from';
const CLAIMS = 'gateway.principal.claims';
const ID_CLAIMS = ['user_id', 'service_account_id', 'agent_id'] as const;

/** Reports what is missing, and what does not go together, in how principals are proved. */
export function checkPrincipals({ principals, gateway, agentex, limits }: Settings, deps: CheckDeps): void {
  const { report } = deps;
  checkIssuers(principals.issuers ?? [], deps);
  if (principals.issuers !== undefined && principals.jwks.timeout_ms >= limits.default_timeout_ms) {
    report(
      ['principals.jwks.timeout_ms', 'limits.default_timeout_ms'],
      `must be less than limits.default_timeout_ms (${principals.jwks.timeout_ms} is not less than ${limits.default_timeout_ms})`,
    );
  }
  checkApiKeys(principals.api_keys_file, deps);
  checkGateway(gateway.principal, principals.issuers !== undefined, report);
  if (agentex === undefined) return;
  if (agentex.signing_keys === undefined) {
    report(
      ['agentex.signing_keys'],
      'is required with agentex: whoever could make a principal up would be it. ' +
        'For example signing_keys: [{id: key1, secret: "${NAME}"}], with the output of: openssl rand -hex 32',
    );
  }
  reportRepeated(agentex.signing_keys ?? [], ({ id }) => id, 'agentex.signing_keys', 'id', report);
  if (agentex.api_key_header === 'authorization') {
    report(['agentex.api_key_header'], 'must not be authorization, where tokens are');
  }
  if (principals.issuers === undefined && principals.api_keys_file === undefined) {
    report(['agentex', ISSUERS, API_KEYS], `proves nobody without ${ISSUERS} or ${API_KEYS}`);
  }
}

function checkIssuers(issuers: NonNullable<Settings['principals']['issuers']>, deps: CheckDeps): void {
  reportRepeated(issuers, ({ issuer }) => issuer, ISSUERS, 'issuer', deps.report);
  for (const [index, { jwks_url: url, jwks_file: path, claims }] of issuers.entries()) {
    const at = `${ISSUERS}[${index}]`;
    if ((url === undefined) === (path === undefined)) {
      deps.report([at], 'needs one of jwks_url and jwks_file, and not both');
    }
    checkClaims(claims, `${at}.claims`, deps.report);
    const text = path === undefined ? undefined : readSetting(`${at}.jwks_file`, path, deps);
    if (text === undefined) continue;
    try {
      parseKeySet(text);
    } catch {
      deps.report([`${at}.jwks_file`], 'is no JSON Web Key Set with a public key');
    }
  }
}

function checkClaims(claims: ClaimsSettings, at: string, report: ReportConflict): void {
  if (ID_CLAIMS.every((name) => claims[name] === undefined)) report([at], `needs one of ${ID_CLAIMS.join(', ')}`);
  if ((claims.account_id === undefined) === (claims.account === undefined)) {
    report([at], 'needs one of account_id (a claim) and account (the same for all), and not both');
  }
}

function checkApiKeys(path: string | undefined, deps: CheckDeps): void {
  const text = path === undefined ? undefined : readSetting(API_KEYS, path, deps);
  if (text === undefined) return;
  const parsed = parseApiKeyFile(text);
  if (parsed.kind === 'valid') return;
  for (const problem of parsed.problems) deps.report([API_KEYS], problem);
}

function checkGateway(
  { from = [], headers, claims, token_header: tokenHeader }: Settings['gateway']['principal'],
  hasIssuers: boolean,
  report: ReportConflict,
): void {
  if (new Set(from).size < from.length) report([FROM], 'names one twice');
  if (from.includes('jwt') && !hasIssuers) report([FROM, ISSUERS], `can not have jwt without ${ISSUERS}`);
  if (from.includes('claims') && claims === undefined) report([FROM, CLAIMS], `can not have claims without ${CLAIMS}`);
  if (claims !== undefined) {
    if (!from.includes('claims')) report([CLAIMS, FROM], `has no effect without claims in ${FROM}`);
    checkClaims(claims, CLAIMS, report);
  }
  const names = [tokenHeader, ...Object.values(headers)];
  if (new Set(names).size < names.length) {
    report(['gateway.principal.headers', 'gateway.principal.token_header'], 'must be different headers');
  }
}

function reportRepeated<Entry>(
  entries: readonly Entry[],
  nameOf: (entry: Entry) => string,
  at: string,
  key: string,
  report: ReportConflict,
): void {
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    if (seen.has(nameOf(entry))) report([`${at}[${index}].${key}`], `is the ${key} of an earlier one too`);
    seen.add(nameOf(entry));
  }
}
