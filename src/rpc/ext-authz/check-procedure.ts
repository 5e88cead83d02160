import type { DescFile } from '@bufbuild/protobuf';
import type { IdentityHeaderNames } from '../../authorize/identity-headers.ts';
import type { AuthorizeRequest, GatewayObserver } from '../../authorize/ports-gateway.ts';
import { toTaskgateError } from '../../domain/errors.ts';
import type { Unary } from '../../calls/procedure.ts';
import { Authorization } from '../../gen/envoy/service/auth/v3/external_auth_pb.js';
import { createToCheckResponse } from './to-check-response.ts';
import type { ReadGatewayRequest, ToGatewayRequestOptions } from './to-gateway-request.ts';
import { toGatewayRequest } from './to-gateway-request.ts';

export interface ExtAuthzOptions extends ToGatewayRequestOptions {
  readonly identityHeaders: IdentityHeaderNames;
  /** See `CheckResponseOptions`. */
  readonly decisionIdInMetadata: boolean;
}

/** Envoy's Check: bytes in, bytes out. */
export interface ExtAuthzProcedure extends Unary<ReadGatewayRequest, Buffer> {
  readonly path: string;
  /** Of its service, for reflection. */
  readonly file: DescFile;
  /** @throws InvalidArgumentError */
  parse(bytes: Uint8Array): ReadGatewayRequest;
}

/** Envoy's ext_authz v3. Could-not-tell is thrown, a gRPC error: Envoy's failure mode decides then. */
export function createExtAuthzProcedure(
  {
    authorizeRequest,
    observer,
  }: {
    readonly authorizeRequest: AuthorizeRequest;
    /** Told of what is not even asked of `authorizeRequest`. Default: nobody. */
    readonly observer?: GatewayObserver;
  },
  options: ExtAuthzOptions,
): ExtAuthzProcedure {
  const toCheckResponse = createToCheckResponse(options);
  return {
    name: 'ext_authz.Check',
    permission: 'check',
    path: `/${Authorization.typeName}/${Authorization.method.check.name}`,
    file: Authorization.file,
    parse(bytes) {
      try {
        return toGatewayRequest(bytes, options);
      } catch (error) {
        observer?.failed(undefined, toTaskgateError(error));
        throw error;
      }
    },
    handle(read, call, context) {
      const { decisionId } = call;
      if (read.kind === 'malformed') {
        observer?.answered({ match: { kind: 'malformed', problem: read.problem }, answer: 'malformed' });
        return toCheckResponse(read, decisionId);
      }
      const answer = authorizeRequest(read.request, call, context);
      return answer instanceof Promise
        ? answer.then((decided) => toCheckResponse(decided, decisionId))
        : toCheckResponse(answer, decisionId);
    },
  };
}
