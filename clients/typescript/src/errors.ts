import { Code, ConnectError } from '@connectrpc/connect';

/**
 * Nothing was decided: taskgate could not tell, could not be reached, or did not answer in time. It is neither allowed nor
 * denied nor absent, and is answered with 503.
 */
export class CouldNotTellError extends Error {
  /** What went wrong, in the words of gRPC: `unavailable`, `deadline_exceeded`, … For logs. */
  readonly code: string;

  constructor(code: string, options?: ErrorOptions) {
    super(`could not tell: ${code}`, options);
    this.name = 'CouldNotTellError';
    this.code = code;
  }
}

/**
 * The check is wrong and will stay wrong: a mistake in the application. The message is safe to show; what taskgate said of
 * it is the cause.
 */
export class MisuseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MisuseError';
  }
}

/** Everything that is thrown by a call becomes one of the two. No status code becomes a decision, NOT_FOUND neither. */
export function toClientError(thrown: unknown): CouldNotTellError | MisuseError {
  if (thrown instanceof MisuseError || thrown instanceof CouldNotTellError) return thrown;
  if (!(thrown instanceof ConnectError)) return new CouldNotTellError('unknown', { cause: thrown });
  if (thrown.code === Code.InvalidArgument) {
    return new MisuseError('taskgate refuses the check as invalid', { cause: thrown });
  }
  return new CouldNotTellError(wordOf(thrown.code), { cause: thrown });
}

/** `DeadlineExceeded` → `deadline_exceeded`. */
function wordOf(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
}
