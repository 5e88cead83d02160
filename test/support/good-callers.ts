import { Operation, AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ask } from './check-requests.ts';
import type { TestClient } from './transports.ts';
import { createConnectClient, createGrpcClient } from './transports.ts';

/** What each good caller asks in turn, and the one right answer. */
const QUESTIONS = [
  [ask('alice', 'message', 'msg-1'), Decision.ALLOWED],
  [ask('mallory', 'message', 'msg-1'), Decision.NOT_FOUND],
  [ask('alice', 'message', 'no-such-message'), Decision.NOT_FOUND],
  [ask('alice', 'task', 'task-1', Operation.UPDATE), Decision.ALLOWED],
] as const;

const COULD_NOT_TELL = new Set(['DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE']);

export interface GoodCallers extends AsyncDisposable {
  /** Right answers so far. */
  readonly right: number;
  /**
   * Everything that was neither a right answer nor an error that says that there is none. Whoever may send bytes can keep
   * one core busy, and then a deadline runs out.
   */
  readonly wrong: readonly string[];
}

/** Callers over gRPC and Connect that keep asking what they know the answer of, one question at a time each. */
export function startGoodCallers({ grpc, http }: { readonly grpc: string; readonly http: string }): GoodCallers {
  const clients: readonly TestClient[] = [
    createGrpcClient('gRPC', grpc),
    createConnectClient('Connect', createConnectTransport({ baseUrl: `http://${http}`, httpVersion: '1.1' })),
  ];
  const wrong: string[] = [];
  const over = new AbortController();
  let right = 0;
  const callers = clients.map(async (client) => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      const [request, expected] = QUESTIONS[turn % QUESTIONS.length] ?? QUESTIONS[0];
      const outcome = await client.call(AuthorizationService.method.checkTask, request, { timeoutMs: 10_000 });
      if (outcome.kind === 'message' && outcome.message.decision === expected) right += 1;
      else if (outcome.kind === 'message' || !COULD_NOT_TELL.has(outcome.code))
        wrong.push(`${client.name}: ${JSON.stringify(request.resource)} ${JSON.stringify(outcome)}`);
    }
  });
  return {
    get right() {
      return right;
    },
    wrong,
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all(callers);
      await Promise.all(clients.map(async (client) => client[Symbol.asyncDispose]()));
    },
  };
}
