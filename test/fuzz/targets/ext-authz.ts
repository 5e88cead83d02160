import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { fromBinary, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { createAuthorizeRequest } from '../../../src/authorize/authorize-request.ts';
import type { CheckTask } from '../../../src/authorize/check-task.ts';
import { DEFAULT_IDENTITY_HEADERS } from '../../../src/authorize/identity-headers.ts';
import { NOT_FOUND } from '../../../src/domain/decision.ts';
import { InvalidArgumentError } from '../../../src/domain/errors.ts';
import type { CheckRequest } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { CheckRequestSchema } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { createIdentifyPrincipal } from '../../../src/principals/identify-principal.ts';
import { createMapClaims } from '../../../src/principals/map-claims.ts';
import { createTrustedHeaders } from '../../../src/principals/trusted-headers.ts';
import { createFindRoute } from '../../../src/routes/find-route.ts';
import { parseRouteTable } from '../../../src/routes/parse-route-table.ts';
import { createExtAuthzProcedure } from '../../../src/rpc/ext-authz/check-procedure.ts';
import type { EnvoyVerdict } from '../../support/envoy-checks.ts';
import { readVerdict } from '../../support/envoy-checks.ts';
import { TEST_PRINCIPAL_HEADERS, TEST_ROUTES } from '../../support/gateway.ts';
import { callContext } from '../../support/spicedb.ts';
import { TYPES } from '../../routes/support.ts';
import { RECORDED } from '../../rpc/ext-authz/recorded/recorded.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat } from '../target.ts';

const FILTER = 'envoy.filters.http.jwt_authn';
const CLAIMS_KEY = 'jwt_payload';
const { principalId, accountId, taskId } = DEFAULT_IDENTITY_HEADERS;

/** Alice of acme may do anything to task-1, and nobody anything else. */
const checkTask: CheckTask = ({ principal, check }) => {
  const { type, key } = check.resource;
  const isHers = principal.kind === 'user' && principal.id === 'alice' && principal.account === 'acme';
  const object = { type: 'task', id: 'task-1' };
  return isHers && type === object.type && key.kind === 'id' && key.id === object.id
    ? { kind: 'decided', decision: { kind: 'ALLOWED', object, checkedAt: 'at' }, reason: 'held' }
    : { kind: 'decided', decision: NOT_FOUND, reason: 'denied' };
};

const mapClaims = createMapClaims({
  ids: { user_id: ['sub'] },
  account: { kind: 'claim', path: ['account_id'] },
});
const identify = createIdentifyPrincipal({ observer: { proved: () => undefined } }, [
  { source: 'headers', read: createTrustedHeaders(TEST_PRINCIPAL_HEADERS) },
  { source: 'claims', read: ({ claims }) => (claims === undefined ? undefined : mapClaims(claims)) },
]);
const table = parseRouteTable(TEST_ROUTES, TYPES);
if (table.kind === 'invalid') throw new Error(JSON.stringify(table.problems));
const findRoute = createFindRoute(table.routes);

const procedure = createExtAuthzProcedure(
  { authorizeRequest: createAuthorizeRequest({ findRoute, identify, checkTask }) },
  {
    metadataFilter: FILTER,
    claimsKey: CLAIMS_KEY,
    sendsBodies: false,
    identityHeaders: DEFAULT_IDENTITY_HEADERS,
    decisionIdInMetadata: false,
  },
);

/**
 * What the generated decoder makes of the bytes. It refuses what is wrong in parts that nobody looks at, and every text that
 * is not UTF-8; and it reads a field whatever its wire type is, and over the end of its message, so that it sees other
 * fields than there are. Those bytes it is not asked about.
 */
function decode(bytes: Uint8Array): CheckRequest | undefined {
  try {
    return isNested(bytes, CheckRequestSchema) ? fromBinary(CheckRequestSchema, bytes) : undefined;
  } catch {
    return undefined;
  }
}

/** True if every field that is known has its wire type, and ends where its message does at the latest. */
function isNested(bytes: Uint8Array, message: DescMessage | undefined): boolean {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const field = message?.fields.find((known) => known.number === number);
    if (field !== undefined && type !== wireTypeOf(field)) return false;
    if (field === undefined || !isMessageField(field)) reader.skip(type, number);
    else if (!isNested(reader.bytes(), field.fieldKind === 'map' ? undefined : field.message)) return false;
  }
  return reader.pos === reader.len;
}

function isMessageField(field: DescField): boolean {
  return field.fieldKind === 'map' || field.message !== undefined;
}

function wireTypeOf(field: DescField): WireType {
  const { scalar } = field;
  if (isMessageField(field) || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) {
    return WireType.LengthDelimited;
  }
  return scalar === ScalarType.DOUBLE ? WireType.Bit64 : WireType.Varint;
}

/** Whether the generated decoder finds in the bytes all that an allowed request has to have. */
function mayBeAllowed(bytes: Uint8Array): boolean {
  const decoded = decode(bytes);
  if (decoded === undefined) return ['/public', 'alice'].some((word) => Buffer.from(bytes).includes(word));
  const { attributes } = decoded;
  const http = attributes?.request?.http;
  if (http === undefined) return false;
  const path = decodePath(http.path.split('?')[0] ?? '');
  const extensions = attributes?.contextExtensions ?? {};
  const named = Object.keys(extensions).some((name) => name.startsWith('taskgate.'));
  if (path === '/public' && !named) return true;
  const headers = new Map<string, string>([
    ...Object.entries(http.headers).map(([name, value]) => [name.toLowerCase(), value] as const),
    ...(http.headerMap?.headers ?? []).map(
      ({ key, value, rawValue }) => [key.toLowerCase(), value || Buffer.from(rawValue).toString()] as const,
    ),
  ]);
  const claims = JSON.stringify(attributes?.metadataContext?.filterMetadata[FILTER]?.[CLAIMS_KEY] ?? {});
  const isHers = (header: string, id: string): boolean => headers.get(header) === id || claims.includes(`"${id}"`);
  if (!isHers('x-user-id', 'alice') || !isHers('x-account-id', 'acme')) return false;
  if (named) return extensions['taskgate.type'] === 'task' && extensions['taskgate.id'] === 'task-1';
  const body = http.body || Buffer.from(http.rawBody).toString();
  return path === '/tasks/task-1' || (path === '/rpc' && JSON.stringify(JSON.parse(body)).includes('"task-1"'));
}

/** The route table reads `/%70ublic` as the application does. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function toStory(verdict: EnvoyVerdict): string {
  switch (verdict.kind) {
    case 'allowed':
      return `allowed ${Object.keys(verdict.set).length}`;
    case 'denied':
      return `denied ${verdict.status}`;
    case 'error':
      return `error ${verdict.code}`;
    default:
      return verdict satisfies never;
  }
}

const checkRequests: FuzzTarget = {
  name: 'ext-authz',
  seeds: [...RECORDED.values()],
  dictionary: [
    'x-user-id',
    'x-account-id',
    'x-agent-id',
    'alice',
    'acme',
    ':path',
    ':method',
    '/tasks/task-1',
    '/tasks/task-9',
    '/public',
    '/rpc',
    'x-envoy-auth-partial-body',
    'true',
    'taskgate.id',
    'taskgate.operation',
    FILTER,
    CLAIMS_KEY,
    '__proto__',
    '\uFFFD',
    'HTTP/1.1',
  ],
  async run(input) {
    let answer: Buffer;
    let problem = '';
    try {
      const read = procedure.parse(input);
      if (read.kind === 'malformed') ({ problem } = read);
      answer = await procedure.handle(read, { decisionId: 'id', caller: 'envoy', startedAtMs: 0 }, callContext());
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      return error.message;
    }
    const verdict = readVerdict(answer);
    if (verdict.kind === 'allowed') {
      assertThat(mayBeAllowed(input), 'what is allowed is alice’s, or public');
      const { set, removed } = verdict;
      const isNobody = removed.length === Object.keys(DEFAULT_IDENTITY_HEADERS).length;
      const isAlice = set[principalId] === 'alice' && set[accountId] === 'acme' && set[taskId] === 'task-1';
      assertThat(isNobody || isAlice, 'what is allowed says whom it is allowed to');
    }
    return `${toStory(verdict)} ${problem}`;
  },
};

export const EXT_AUTHZ_TARGETS: readonly FuzzTarget[] = [checkRequests];
