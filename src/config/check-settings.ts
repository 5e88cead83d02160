import { addressesCollide } from './address.ts';
import { checkCallers } from './check-callers.ts';
import { checkPrincipals } from './check-principals.ts';
import { checkRedis } from './check-redis.ts';
import type { ConfigMode } from './config.ts';
import type { Environment } from './environment.ts';
import { checkIdentityHeaders } from './ext-authz-settings.ts';
import type { ReportConflict } from './problem-list.ts';
import type { ReadFile } from './read-file.ts';
import type { Settings } from './settings-schema.ts';
import { checkTelemetry } from './telemetry-settings.ts';

/** Reports what is missing and what does not go together, outside of `types`. */
export function checkSettings(
  settings: Settings,
  context: {
    readonly mode: ConfigMode;
    readonly env: Environment;
    readonly readFile: ReadFile;
    readonly report: ReportConflict;
  },
): void {
  const { mode, env, report } = context;
  checkListeners(settings, report);
  checkCallers(settings, context);
  checkPrincipals(settings, context);
  if (mode === 'serve') checkRequired(settings, report);
  if (settings.spicedb.tls.ca_file !== undefined && !settings.spicedb.tls.enabled) {
    report(['spicedb.tls.ca_file', 'spicedb.tls.enabled'], 'has no effect without spicedb.tls.enabled: true');
  }
  checkRedis(settings.redis, env, report);
  checkDenials(settings, report);
  checkIdentityHeaders(settings.gateway.identity_headers, report);
  checkBudgets(settings, report);
  checkTelemetry(settings.telemetry, report);
}

const GRPC = 'listeners.grpc.address';
const HTTP = 'listeners.http.address';
const ADMIN = 'listeners.admin.address';

function checkListeners({ listeners: { grpc, http, admin } }: Settings, report: ReportConflict): void {
  const pairs = [
    [HTTP, http.address, GRPC, grpc.address],
    [ADMIN, admin.address, GRPC, grpc.address],
    [ADMIN, admin.address, HTTP, http.address],
  ] as const;
  for (const [key, address, otherKey, other] of pairs) {
    if (addressesCollide(address, other)) report([key, otherKey], `is the address of ${otherKey} too`);
  }
}

function checkRequired({ spicedb, database }: Settings, report: ReportConflict): void {
  const required = [
    ['spicedb.endpoint', spicedb.endpoint, 'TASKGATE_SPICEDB_ENDPOINT'],
    ['spicedb.token', spicedb.token, 'TASKGATE_SPICEDB_TOKEN'],
    ['database.url', database.url, 'TASKGATE_DATABASE_URL'],
  ] as const;
  for (const [key, value, variable] of required) {
    if (value === undefined) report([key], `is required to serve: set it here or in ${variable}`);
  }
}

function checkDenials({ denials }: Settings, report: ReportConflict): void {
  const { hidden_limit: limit, hidden_suspect_at: suspectAt } = denials;
  if (limit === undefined || limit >= suspectAt) return;
  report(
    ['denials.hidden_limit', 'denials.hidden_suspect_at'],
    `must be at least denials.hidden_suspect_at (${limit} is less than ${suspectAt}): nobody would be a suspect`,
  );
}

/** A store that may take as long as what waits for it turns its slowness into an error of the whole call. */
function checkBudgets({ redis, database, spicedb, breakers, limits }: Settings, report: ReportConflict): void {
  const nested = [
    ...(redis === undefined ? [] : [{ key: 'redis.timeout_ms', ms: redis.timeout_ms }]),
    { key: 'database.timeout_ms', ms: database.timeout_ms },
    { key: 'spicedb.timeout_ms', ms: spicedb.timeout_ms },
    { key: 'limits.default_timeout_ms', ms: limits.default_timeout_ms },
  ];
  for (const [index, inner] of nested.entries()) {
    const outer = nested[index + 1];
    if (outer === undefined || inner.ms < outer.ms) continue;
    report([inner.key, outer.key], `must be less than ${outer.key} (${inner.ms} is not less than ${outer.ms})`);
  }
  const atMost = [
    ['limits.default_timeout_ms', limits.default_timeout_ms, 'limits.max_timeout_ms', limits.max_timeout_ms],
    ['database.connect_timeout_ms', database.connect_timeout_ms, 'database.timeout_ms', database.timeout_ms],
    ['breakers.open_ms', breakers.open_ms, 'breakers.max_open_ms', breakers.max_open_ms],
  ] as const;
  for (const [key, ms, outerKey, outerMs] of atMost) {
    if (ms > outerMs) report([key, outerKey], `must be at most ${outerKey} (${ms} is more than ${outerMs})`);
  }
  if (limits.max_message_bytes > limits.max_receiving_bytes) {
    report(
      ['limits.max_message_bytes', 'limits.max_receiving_bytes'],
      `must be at most limits.max_receiving_bytes (${limits.max_message_bytes} is more than ${limits.max_receiving_bytes})`,
    );
  }
}
