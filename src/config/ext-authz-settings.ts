import { z } from 'zod';
import type { ExtAuthzConfig, IdentityHeadersConfig } from './config.ts';
import { flag, pattern, text } from './fields.ts';
import type { ReportConflict } from './problem-list.ts';

const HEADER_NAME_RULE = 'must be the name of a header in lower case, and none that HTTP itself needs';
/** What gateways refuse to change, or what changes where a request ends or goes. */
const HEADER_NAME =
  /^(?!(?:host|authorization|connection|content-length|content-type|cookie|te|trailer|transfer-encoding|upgrade)$)[a-z][a-z0-9-]{0,63}$/;

const headerName = (name: string) => pattern(HEADER_NAME, HEADER_NAME_RULE).default(name);

/** `gateway.identity_headers`. */
export const createIdentityHeadersSchema = () =>
  z.object({
    principal_kind: headerName('x-taskgate-principal-kind'),
    principal_id: headerName('x-taskgate-principal-id'),
    account_id: headerName('x-taskgate-account-id'),
    task_id: headerName('x-taskgate-task-id'),
  });

/** `gateway.ext_authz`. */
export const createExtAuthzSchema = () =>
  z.object({
    enabled: flag().default(true),
    sends_bodies: flag().default(false),
    metadata_filter: text().default('envoy.filters.http.jwt_authn'),
    claims_key: text().default('jwt_payload'),
    decision_id_in_metadata: flag().default(false),
  });

type IdentityHeadersSettings = z.output<ReturnType<typeof createIdentityHeadersSchema>>;
type ExtAuthzSettings = z.output<ReturnType<typeof createExtAuthzSchema>>;

export function toIdentityHeadersConfig(headers: IdentityHeadersSettings): IdentityHeadersConfig {
  return {
    principalKind: headers.principal_kind,
    principalId: headers.principal_id,
    accountId: headers.account_id,
    taskId: headers.task_id,
  };
}

export function toExtAuthzConfig(extAuthz: ExtAuthzSettings): ExtAuthzConfig {
  return {
    enabled: extAuthz.enabled,
    sendsBodies: extAuthz.sends_bodies,
    metadataFilter: extAuthz.metadata_filter,
    claimsKey: extAuthz.claims_key,
    decisionIdInMetadata: extAuthz.decision_id_in_metadata,
  };
}

/** The same keys as in YAML. */
export function toIdentityHeadersTree(headers: IdentityHeadersConfig): IdentityHeadersSettings {
  return {
    principal_kind: headers.principalKind,
    principal_id: headers.principalId,
    account_id: headers.accountId,
    task_id: headers.taskId,
  };
}

/** The same keys as in YAML. */
export function toExtAuthzTree(extAuthz: ExtAuthzConfig): ExtAuthzSettings {
  return {
    enabled: extAuthz.enabled,
    sends_bodies: extAuthz.sendsBodies,
    metadata_filter: extAuthz.metadataFilter,
    claims_key: extAuthz.claimsKey,
    decision_id_in_metadata: extAuthz.decisionIdInMetadata,
  };
}

/** With one name for two of them, one would stand where the other is expected. */
export function checkIdentityHeaders(headers: IdentityHeadersSettings, report: ReportConflict): void {
  const keys = new Map<string, string>();
  for (const [name, header] of Object.entries(headers)) {
    const key = `gateway.identity_headers.${name}`;
    const other = keys.get(header);
    if (other === undefined) keys.set(header, key);
    else report([key, other], `is the name of ${other} too`);
  }
}
