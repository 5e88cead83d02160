import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { DenialKind } from '../../authorize/gateway-denials.ts';
import { GATEWAY_DENIALS } from '../../authorize/gateway-denials.ts';
import type { IdentityHeader, IdentityHeaderNames } from '../../authorize/identity-headers.ts';
import { createIdentityHeaders } from '../../authorize/identity-headers.ts';
import type { GatewayAnswer } from '../../authorize/ports-gateway.ts';
import { HeaderValueOption_HeaderAppendAction } from '../../gen/envoy/config/core/v3/base_pb.js';
import { CheckResponseSchema } from '../../gen/envoy/service/auth/v3/external_auth_pb.js';
import { StatusCode } from '../../gen/envoy/type/v3/http_status_pb.js';

export interface CheckResponseOptions {
  readonly identityHeaders: IdentityHeaderNames;
  /** Every answer says the decision id in `dynamic_metadata` too, as `decision_id`, for Envoy's own log. */
  readonly decisionIdInMetadata: boolean;
}

/** Writes an answer as the bytes of a CheckResponse. */
export type ToCheckResponse = (answer: GatewayAnswer, decisionId: string) => Buffer;

interface DenialCodes {
  /** Never 0, which would let the request pass whatever the denial beside it says. */
  readonly grpc: Exclude<status, status.OK>;
  /** The status of `GATEWAY_DENIALS`, as the protos have it. */
  readonly http: StatusCode;
}

const CODES: Readonly<Record<DenialKind, DenialCodes>> = {
  not_found: { grpc: status.NOT_FOUND, http: StatusCode.NotFound },
  forbidden: { grpc: status.PERMISSION_DENIED, http: StatusCode.Forbidden },
  unauthenticated: { grpc: status.UNAUTHENTICATED, http: StatusCode.Unauthorized },
  malformed: { grpc: status.INVALID_ARGUMENT, http: StatusCode.BadRequest },
};

/**
 * What the application is told replaces whatever the client said under the same names: a header is overwritten, or, where
 * there is nothing to say, removed. Denials are made once, so that all of a kind are the same bytes.
 */
export function createToCheckResponse({
  identityHeaders,
  decisionIdInMetadata,
}: CheckResponseOptions): ToCheckResponse {
  const render = createIdentityHeaders(identityHeaders);
  const denials: Readonly<Record<DenialKind, string>> = {
    not_found: writeDenial('not_found'),
    forbidden: writeDenial('forbidden'),
    unauthenticated: writeDenial('unauthenticated'),
    malformed: writeDenial('malformed'),
  };
  return (answer, decisionId) => {
    const response = answer.kind === 'allowed' ? writeAllowed(render(answer)) : denials[answer.kind];
    return Buffer.from(decisionIdInMetadata ? response + writeMetadata(decisionId) : response, 'latin1');
  };
}

function writeDenial(kind: DenialKind): string {
  const { headers, body } = GATEWAY_DENIALS[kind];
  const { grpc, http } = CODES[kind];
  const response = create(CheckResponseSchema, {
    status: { code: grpc },
    httpResponse: {
      case: 'deniedResponse',
      value: {
        status: { code: http },
        headers: headers.map(([key, value]) => ({
          header: { key, value },
          appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        })),
        body,
      },
    },
  });
  return Buffer.from(toBinary(CheckResponseSchema, response)).toString('latin1');
}

/*
 * What is allowed is written as text whose characters are the bytes: all of it is ASCII, and texts are joined faster than
 * messages are made.
 */

const STATUS_OK = field(1, '');
const OVERWRITE = `\x18${String.fromCharCode(HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)}`;

function writeAllowed(headers: readonly IdentityHeader[]): string {
  let set = '';
  let removed = '';
  for (const [name, value] of headers) {
    if (value === '') removed += field(5, name);
    else set += field(2, field(1, field(1, name) + field(2, value)) + OVERWRITE);
  }
  return STATUS_OK + field(3, set + removed);
}

/** A Struct with one key. */
function writeMetadata(decisionId: string): string {
  return field(4, field(1, field(1, 'decision_id') + field(2, field(3, decisionId))));
}

/** A field that is a text or a message. */
function field(number: number, value: string): string {
  let length = '';
  let rest = value.length;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) length += String.fromCharCode(0x80 + (rest % 0x80));
  return String.fromCharCode(number * 8 + 2) + length + String.fromCharCode(rest) + value;
}
