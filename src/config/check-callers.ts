import type { TlsTexts } from '../callers/tls-material.ts';
import { findTlsProblems } from '../callers/tls-material.ts';
import { parseTokenFile } from '../callers/token-file.ts';
import type { ListenerAddress } from './address.ts';
import { isLocalAddress } from './address.ts';
import type { ReadFile } from './read-file.ts';
import { readSetting } from './read-file.ts';
import type { ReportConflict } from './problem-list.ts';
import type { AuthenticationSettings, Settings, TlsSettings } from './settings-schema.ts';

interface CheckDeps {
  readonly readFile: ReadFile;
  readonly report: ReportConflict;
}

interface AskedListener {
  readonly key: 'listeners.grpc' | 'listeners.http';
  readonly address: ListenerAddress;
  readonly tls: TlsSettings | undefined;
  /** Where it may listen as long as nobody has to prove who asks. */
  readonly needed: string;
}

const TOKENS = 'authentication.tokens_file';
const CALLERS = 'authentication.callers';
const TLS_KEYS = { cert: 'cert_file', key: 'key_file', clientCa: 'client_ca_file' } as const;

/** Reports what is missing, and what does not go together, in who may ask and how that is proved. */
export function checkCallers({ listeners, authentication }: Settings, deps: CheckDeps): void {
  const asked: readonly AskedListener[] = [
    {
      key: 'listeners.grpc',
      ...listeners.grpc,
      tls: listeners.grpc.tls,
      needed: 'a loopback address or a unix socket',
    },
    { key: 'listeners.http', ...listeners.http, tls: listeners.http.tls, needed: 'a loopback address' },
  ];
  for (const listener of asked) {
    checkTls(listener, deps);
    checkReachable(listener, authentication, deps);
  }
  checkCertificateCallers(authentication, asked, deps);
  checkTokens(authentication, deps);
}

/** Whoever can reach a listener must have to prove who asks, and must be able to. */
function checkReachable(
  { key, address, tls, needed }: AskedListener,
  authentication: AuthenticationSettings,
  deps: CheckDeps,
): void {
  const hasTokens = authentication.tokens_file !== undefined;
  const hasCertificates = authentication.callers !== undefined;
  const at = `${key}.address`;
  if (isLocalAddress(address)) return;
  if (!hasTokens && !hasCertificates) {
    deps.report(
      [at, TOKENS, CALLERS],
      `must be ${needed}: callers are not authenticated, so whoever reaches it could ask as any principal`,
    );
  } else if (tls === undefined) {
    deps.report(
      [at, `${key}.tls`],
      `must be ${needed} without ${key}.tls: tokens and answers would travel in plain text`,
    );
  } else if (!hasTokens && tls.client_ca_file === undefined) {
    deps.report([`${key}.tls.client_ca_file`, TOKENS], `is required without ${TOKENS}: nobody could prove who asks`);
  }
}

function checkTls({ key, address, tls }: AskedListener, { readFile, report }: CheckDeps): void {
  if (tls === undefined) return;
  const section = `${key}.tls`;
  if (address.kind === 'unix') report([section, `${key}.address`], 'goes with a TCP address, not with a unix socket');
  if (tls.cert_file === undefined) report([`${section}.cert_file`], `is required with ${section}`);
  if (tls.key_file === undefined) report([`${section}.key_file`], `is required with ${section}`);
  const read = (part: keyof TlsTexts): string | undefined => {
    const path = tls[TLS_KEYS[part]];
    return path === undefined ? undefined : readSetting(`${section}.${TLS_KEYS[part]}`, path, { readFile, report });
  };
  const [cert, privateKey, clientCa] = [read('cert'), read('key'), read('clientCa')];
  if (cert === undefined || privateKey === undefined) return;
  for (const { part, problem } of findTlsProblems({
    cert,
    key: privateKey,
    ...(clientCa === undefined ? {} : { clientCa }),
  })) {
    report([`${section}.${TLS_KEYS[part]}`], problem);
  }
}

function checkCertificateCallers(
  { callers, tokens_file: tokensFile, socket_caller: socketCaller }: AuthenticationSettings,
  asked: readonly AskedListener[],
  { report }: CheckDeps,
): void {
  const authorities = asked.filter(({ tls }) => tls?.client_ca_file !== undefined);
  if (callers === undefined) {
    if (tokensFile !== undefined) return;
    for (const { key } of authorities) {
      report([`${key}.tls.client_ca_file`, CALLERS], `proves nobody without ${CALLERS}, or ${TOKENS}`);
    }
    return;
  }
  if (authorities.length === 0) {
    report(
      [CALLERS, 'listeners.grpc.tls', 'listeners.http.tls'],
      'have no effect without listeners.grpc.tls.client_ca_file or listeners.http.tls.client_ca_file',
    );
  }
  const taken = { name: new Set([socketCaller.name]), spiffe_id: new Set<string>(), dns_name: new Set<string>() };
  for (const [index, caller] of callers.entries()) {
    const place = `${CALLERS}[${index}]`;
    if (caller.spiffe_id === undefined && caller.dns_name === undefined) report([place], 'needs spiffe_id or dns_name');
    for (const key of ['name', 'spiffe_id', 'dns_name'] as const) {
      const value = caller[key];
      if (value === undefined) continue;
      if (taken[key].has(value)) report([`${place}.${key}`], 'is that of another caller too');
      taken[key].add(value);
    }
  }
}

function checkTokens(
  { tokens_file: path, callers = [], socket_caller: socketCaller }: AuthenticationSettings,
  deps: CheckDeps,
): void {
  const text = path === undefined ? undefined : readSetting(TOKENS, path, deps);
  if (text === undefined) return;
  const parsed = parseTokenFile(text);
  if (parsed.kind === 'invalid') {
    for (const problem of parsed.problems) deps.report([TOKENS], problem);
    return;
  }
  const taken = new Set([socketCaller, ...callers].map(({ name }) => name));
  for (const [index, { name }] of parsed.callers.entries()) {
    if (taken.has(name)) deps.report([TOKENS, CALLERS], `entry ${index + 1}, name: is that of another caller too`);
  }
}
