import type { CallContext } from '../authorize/ports.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import type { Method } from './spicedb-methods.ts';

/** Up to `max` answers of a stream, which is cancelled when it has given them. @throws TaskgateError if it breaks before. */
export async function takeAnswers<Request extends object, Response extends object>(
  client: SpiceDbClient,
  method: Method<Request, Response>,
  { request, max }: { readonly request: Request; readonly max: number },
  context: CallContext,
): Promise<readonly Response[]> {
  const answers: Response[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const stream = client.stream(method, request, context, {
    onMessage(answer) {
      if (answers.length < max) answers.push(answer);
      if (answers.length === max) resolve(undefined);
    },
    onEnd(error) {
      if (error === undefined) resolve(undefined);
      else reject(error);
    },
  });
  try {
    await promise;
  } finally {
    stream.cancel();
  }
  return answers;
}
