import { randomUUID } from 'node:crypto';
import { Agent, request as requestHttp } from 'node:http';
import type { Message } from '@bufbuild/protobuf';
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import { createBatchCheckTask } from '../../../src/authorize/batch-check-task.ts';
import { createCheckTask } from '../../../src/authorize/check-task.ts';
import { createDecideCheck } from '../../../src/authorize/decide-check.ts';
import { createDecideChecks } from '../../../src/authorize/decide-checks.ts';
import { createFilterReadableTasks } from '../../../src/authorize/filter-readable-tasks.ts';
import { createListReadableTasks } from '../../../src/authorize/list-readable-tasks.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { InvalidArgumentError } from '../../../src/domain/errors.ts';
import { AuthorizationService, Operation, Role } from '../../../src/gen/taskgate/v1/authorization_pb.js';
import { createServeEndpoint } from '../../../src/http/endpoint.ts';
import { openHttpServer } from '../../../src/http/http-server.ts';
import { createConnectRoutes } from '../../../src/rpc/connect-routes.ts';
import { createCursorCodec } from '../../../src/rpc/list-cursor.ts';
import { createPipeline } from '../../../src/calls/pipeline.ts';
import { createReceiveBudget } from '../../../src/calls/receive-budget.ts';
import { isStream } from '../../../src/rpc/procedure.ts';
import { createProcedures } from '../../../src/rpc/procedures.ts';
import { REQUIRED_ENV } from '../../config/support.ts';
import { user } from '../../support/check-requests.ts';
import { callContext } from '../../support/spicedb.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text } from '../target.ts';
import { LOCAL_CALLER } from '../../../src/domain/caller.ts';

const IDENTITY = { decisionId: 'id', caller: LOCAL_CALLER.name, startedAtMs: 0 };

const loaded = loadConfig({ env: REQUIRED_ENV, readFile: () => '' }, { mode: 'serve' });
if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems));
const { types, consistency: consistencyByOperation, limits } = loaded.config;

/** The real procedures over stores that always answer: whatever fails is a parser's doing. */
function createFuzzedProcedures() {
  const options = { types, consistencyByOperation, revealReadable: false };
  const deps = {
    parents: { lookup: async (keys: readonly unknown[]) => keys.map(() => ({ kind: 'found' as const, id: 'task-1' })) },
    relationships: {
      check: async (checks: readonly unknown[]) => ({
        results: checks.map(() => ({ kind: 'held' as const })),
        checkedAt: 'at',
      }),
    },
    sentinels: { standIn: () => 0 },
  };
  const [decideCheck, decideChecks] = [createDecideCheck(deps, options), createDecideChecks(deps, options)];
  const decisionLog = { record: () => undefined };
  const written = async (): Promise<string> => 'written';
  return createProcedures(
    {
      checkTask: createCheckTask({ decideCheck, decisionLog }),
      batchCheckTask: createBatchCheckTask({ decideChecks, decisionLog }),
      filterReadableTasks: createFilterReadableTasks({ decideChecks }),
      listReadableTasks: createListReadableTasks(
        { lister: { list: async () => ({ ids: ['a', 'b'], readAt: 'at' }) } },
        { types, consistencyByOperation, isUnscoped: () => false },
      ),
      cursors: createCursorCodec(['a secret of the tests']),
      registerResource: written,
      deregisterResource: written,
      grantRole: written,
      revokeRole: written,
    },
    { maxBatchSize: limits.maxBatchSize },
  );
}

const procedures = createFuzzedProcedures();
const principal = user('ann@example.com');
const resource = { type: 'message', key: { case: 'id' as const, value: 'msg-1' } };
const check = { resource, operation: Operation.READ };
const consistency = { requirement: { case: 'atLeastAsFresh' as const, value: 'dG9rZW4=' } };
/** One good request of each procedure. */
const GOOD: Readonly<Record<string, Record<string, unknown>>> = {
  CheckTask: { principal, ...check, consistency, createIfAbsent: true },
  BatchCheckTask: { principal, checks: [check, { ...check, parent: resource }] },
  FilterReadableTasks: { principal, resources: [resource, resource], operation: Operation.UPDATE },
  ListReadableTasks: { principal, pageSize: 10, cursor: 'AAAA' },
  RegisterResource: { principal, resource: { ...resource, type: 'task' }, parent: { ...resource, type: 'agent' } },
  DeregisterResource: { principal, resource },
  GrantRole: { principal, resource, role: Role.OWNER, subject: { subject: { case: 'userId', value: 'bob' } } },
  RevokeRole: { principal, resource, role: Role.VIEWER, subject: { subject: { case: 'userId', value: 'bob' } } },
};
const GOOD_MESSAGES = procedures.map(({ method }) => ({
  method,
  message: create(method.input, GOOD[method.name] ?? {}),
}));
const withIndex = (index: number, body: Uint8Array): Uint8Array => Buffer.concat([Buffer.from([index]), body]);
const binarySeeds = GOOD_MESSAGES.map(({ method, message }, index) =>
  withIndex(index, toBinary(method.input, message)),
);
const jsonSeeds = GOOD_MESSAGES.map(({ method, message }, index) =>
  withIndex(index, text(toJsonString(method.input, message))),
);
const WORDS = [
  'task',
  'message',
  'event',
  '*',
  'OPERATION_DELETE',
  '"user_id"',
  '"userId"',
  '"principal"',
  '"id"',
  'AAAA',
  '""',
];

/** One request of the procedure that the first byte names. */
async function handle(
  input: Uint8Array,
  parse: (procedure: (typeof procedures)[number], body: Buffer) => Message,
): Promise<string> {
  const procedure = procedures[(input[0] ?? 0) % procedures.length];
  if (procedure === undefined) return 'no procedure';
  let message: Message;
  try {
    message = parse(procedure, Buffer.from(input.subarray(1)));
  } catch {
    // The listeners make INVALID_ARGUMENT of it: see the target of whole HTTP requests.
    return 'no message';
  }
  try {
    if (!isStream(procedure)) {
      const answer = await procedure.handle(message, IDENTITY, callContext());
      toBinary(procedure.method.output, answer);
      return `${procedure.method.name} answered`;
    }
    for await (const event of procedure.handle(message, IDENTITY, callContext()))
      toBinary(procedure.method.output, event);
    return `${procedure.method.name} listed`;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    assertThat(error.message.isWellFormed(), 'a message can be sent');
    return `${procedure.method.name} ${error.message}`;
  }
}

const binary: FuzzTarget = {
  name: 'requests-binary',
  seeds: binarySeeds,
  dictionary: WORDS,
  run: async (input) => handle(input, ({ method }, body) => fromBinary(method.input, body)),
};

const json: FuzzTarget = {
  name: 'requests-json',
  seeds: jsonSeeds,
  dictionary: WORDS,
  run: async (input) =>
    handle(input, ({ method }, body) => fromJsonString(method.input, body.toString(), { ignoreUnknownFields: false })),
};

const CONTENT_TYPES = [
  'application/json',
  'application/proto',
  'application/grpc-web+proto',
  'application/connect+json',
  'text/plain',
];
let started: Promise<string> | undefined;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

/** The real routes, on loopback; made when the first request needs them. */
async function start(): Promise<string> {
  const deps = {
    pipeline: createPipeline(
      { clock: { nowMs: Date.now }, observer: { ended: () => undefined }, authenticate: () => LOCAL_CALLER },
      limits,
    ),
    createDecisionId: randomUUID,
    budget: createReceiveBudget({ collect: () => undefined }, { maxBytes: 1_048_576 }),
  };
  const bounds = { maxMessageBytes: 65_536 };
  const routes = createConnectRoutes(
    {
      ...deps,
      procedures,
      serve: createServeEndpoint(deps, bounds),
      fallback: (_request, response) => response.writeHead(404).end(),
    },
    bounds,
  );
  const server = await openHttpServer(routes, {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
    maxConnections: 100,
    maxHeaderBytes: 16_384,
  });
  return `http://${server.address}`;
}

interface HttpAnswer {
  readonly status: number;
  readonly grpcStatus: string | undefined;
  readonly body: string;
}

async function post(url: string, headers: Record<string, string>, body: Buffer): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const sent = requestHttp(url, { method: 'POST', headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const grpcStatus = response.headers['grpc-status']?.toString();
        resolve({ status: response.statusCode ?? 0, grpcStatus, body: Buffer.concat(chunks).toString('latin1') });
      });
    });
    // A kept connection may be closed just as it is used again.
    sent.on('error', (error) => {
      if (sent.reusedSocket) resolve(post(url, headers, body));
      else reject(error);
    });
    sent.end(body);
  });
}

/** The first byte names the method, the second the content type. */
const whole: FuzzTarget = {
  name: 'requests-http',
  seeds: [...jsonSeeds.map((seed) => [seed, 0] as const), ...binarySeeds.map((seed) => [seed, 1] as const)].map(
    ([seed, type]) => Buffer.concat([seed.subarray(0, 1), Buffer.from([type]), seed.subarray(1)]),
  ),
  dictionary: WORDS,
  async run(input) {
    const { method } = procedures[(input[0] ?? 0) % procedures.length] ?? {
      method: AuthorizationService.method.checkTask,
    };
    const contentType = CONTENT_TYPES[(input[1] ?? 0) % CONTENT_TYPES.length] ?? '';
    const origin = await (started ??= start());
    const url = `${origin}/${AuthorizationService.typeName}/${method.name}`;
    const { status, grpcStatus, body } = await post(
      url,
      { 'content-type': contentType },
      Buffer.from(input.subarray(2)),
    );
    const code = /"code":"([a-z_]+)"/.exec(body)?.[1] ?? /grpc-status: ?(\d+)/i.exec(body)?.[1] ?? grpcStatus;
    assertThat(status < 500, `no request is a fault of ours: ${status} ${body.slice(0, 200)}`);
    const isFault = ['internal', 'unknown', 'data_loss', '2', '13', '15'].includes(code ?? '');
    assertThat(!isFault, `no request is a fault of ours: ${code} ${body.slice(0, 200)}`);
    return `${method.name} ${contentType} ${status} ${code} ${/"message":"([a-z_]+)/.exec(body)?.[1]}`;
  },
};

export const REQUEST_TARGETS: readonly FuzzTarget[] = [binary, json, whole];
