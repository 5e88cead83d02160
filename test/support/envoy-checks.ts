import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { HeaderValueOption } from '../../src/gen/envoy/config/core/v3/base_pb.js';
import { HeaderValueOption_HeaderAppendAction } from '../../src/gen/envoy/config/core/v3/base_pb.js';
import type { AttributeContext_HttpRequestSchema } from '../../src/gen/envoy/service/auth/v3/attribute_context_pb.js';
import { CheckRequestSchema, CheckResponseSchema } from '../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import type { RawResponse } from './raw-http.ts';
import { postGrpc } from './raw-http.ts';

export const ENVOY_CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
const PREFIX_BYTES = 5;

/** What Envoy would do with an answer. */
export type EnvoyVerdict =
  | {
      readonly kind: 'allowed';
      /** What is overwritten. */
      readonly set: Readonly<Record<string, string>>;
      readonly removed: readonly string[];
    }
  | {
      readonly kind: 'denied';
      readonly code: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** Envoy's failure mode decides. */
  | { readonly kind: 'error'; readonly code: number; readonly message: string };

/** A CheckRequest about a request of the client. */
export function checkRequestBytes(
  http: MessageInitShape<typeof AttributeContext_HttpRequestSchema>,
  contextExtensions: Record<string, string> = {},
): Uint8Array {
  const request = { http: { method: 'GET', ...http } };
  return toBinary(CheckRequestSchema, create(CheckRequestSchema, { attributes: { request, contextExtensions } }));
}

/** Sends a CheckRequest to a listener, `host:port` or `unix:/path`. */
export async function sendEnvoyCheck(
  address: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawResponse> {
  return address.startsWith('unix:')
    ? postGrpc('localhost', ENVOY_CHECK_PATH, bytes, { socketPath: address.slice('unix:'.length), headers })
    : postGrpc(address, ENVOY_CHECK_PATH, bytes, { headers });
}

/** Reads an answer as Envoy does. @throws Error if it says something that must never be said */
export function toVerdict({ body, headers, trailers }: RawResponse): EnvoyVerdict {
  const field = (name: string): string | undefined =>
    [...trailers, ...headers].find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const code = Number(field('grpc-status'));
  if (code !== 0) return { kind: 'error', code, message: decodeURIComponent(field('grpc-message') ?? '') };
  return readVerdict(body.subarray(PREFIX_BYTES));
}

/** The same of the bytes of the message. */
export function readVerdict(bytes: Uint8Array): EnvoyVerdict {
  const { status, httpResponse } = fromBinary(CheckResponseSchema, bytes);
  const toRecord = (options: readonly HeaderValueOption[]) => {
    for (const { appendAction } of options) {
      if (appendAction !== HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD) {
        throw new Error('a header is added to what a client may have sent');
      }
    }
    return Object.fromEntries(options.map(({ header }) => [header?.key ?? '', header?.value ?? '']));
  };
  const code = status?.code ?? 0;
  if ((code === 0) !== (httpResponse.case === 'okResponse'))
    throw new Error('the code says another thing than the answer');
  if (httpResponse.case === 'okResponse') {
    const { value } = httpResponse;
    return { kind: 'allowed', set: toRecord(value.headers), removed: value.headersToRemove };
  }
  if (httpResponse.case !== 'deniedResponse') throw new Error('there is no answer');
  const { value } = httpResponse;
  return { kind: 'denied', code, status: value.status?.code ?? 0, headers: toRecord(value.headers), body: value.body };
}
