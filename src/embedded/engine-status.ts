import { status } from '@grpc/grpc-js';

/** An error as the engine's Go code prints it: `rpc error: code = FailedPrecondition desc = …`. */
const RPC_ERROR = /rpc error: code = (?<code>\w+) desc = (?<details>[^]*)/;

/** Go's `FailedPrecondition` for the code `FAILED_PRECONDITION`. Its `Canceled` is gRPC's `CANCELLED`. */
const CODES: ReadonlyMap<string, status> = new Map<string, status>([
  ['Canceled', status.CANCELLED],
  ['Unknown', status.UNKNOWN],
  ['InvalidArgument', status.INVALID_ARGUMENT],
  ['DeadlineExceeded', status.DEADLINE_EXCEEDED],
  ['NotFound', status.NOT_FOUND],
  ['AlreadyExists', status.ALREADY_EXISTS],
  ['PermissionDenied', status.PERMISSION_DENIED],
  ['ResourceExhausted', status.RESOURCE_EXHAUSTED],
  ['FailedPrecondition', status.FAILED_PRECONDITION],
  ['Aborted', status.ABORTED],
  ['OutOfRange', status.OUT_OF_RANGE],
  ['Unimplemented', status.UNIMPLEMENTED],
  ['Internal', status.INTERNAL],
  ['Unavailable', status.UNAVAILABLE],
  ['DataLoss', status.DATA_LOSS],
  ['Unauthenticated', status.UNAUTHENTICATED],
]);

/** The gRPC status that the engine meant: its errors carry it as text only. */
export function parseEngineStatus(thrown: unknown): { readonly code: status; readonly details: string } {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const { code, details } = RPC_ERROR.exec(message)?.groups ?? {};
  return { code: CODES.get(code ?? '') ?? status.UNKNOWN, details: details ?? message };
}
