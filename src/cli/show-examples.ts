import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary, toJson, toJsonString } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
  Operation,
} from '../gen/taskgate/v1/authorization_pb.js';
import type { ServerAddresses } from '../server.ts';
import type { TextSink } from './config.ts';

const PATH = `/${AuthorizationService.typeName}/${AuthorizationService.method.checkTask.name}`;

type Request = MessageInitShape<typeof CheckTaskRequestSchema>;

/** Shows three calls to copy, each with the answer that it just got. The last two answers are the same. */
export async function showExamples({ http, grpc, admin }: ServerAddresses, stdout: TextSink): Promise<void> {
  const examples = [
    { title: 'alice owns the task of this message: allowed', via: overConnect(http), request: read('alice', 'msg-1') },
    { title: 'dave has no role on it: denied', via: overGrpc(grpc), request: read('dave', 'msg-1') },
    {
      title: 'this message does not exist: absent, and the same answer',
      via: overGrpc(grpc),
      request: read('dave', 'no-such-msg'),
    },
  ];
  stdout.write(
    `\ntaskgate demo\n  gRPC      ${grpc}\n  Connect   http://${http} (gRPC-Web too)\n  probes    http://${admin}/readyz\n`,
  );
  for (const { title, via, request } of examples) {
    const body = toJsonString(CheckTaskRequestSchema, create(CheckTaskRequestSchema, request));
    stdout.write(`\n# ${title}\n${via.command} -d '${body}'\n${await via.ask(request)}\n`);
  }
  stdout.write('\nCtrl-C ends it.\n\n');
}

interface Via {
  readonly command: string;
  readonly ask: (request: Request) => Promise<string>;
}

function read(userId: string, messageId: string): Request {
  return {
    principal: { subject: { case: 'userId', value: userId }, accountId: 'acme' },
    resource: { type: 'message', key: { case: 'id', value: messageId } },
    operation: Operation.READ,
  };
}

function overConnect(address: string): Via {
  const url = `http://${address}${PATH}`;
  return {
    command: `curl -s ${url} -H 'content-type: application/json'`,
    async ask(request) {
      const body = toJsonString(CheckTaskRequestSchema, create(CheckTaskRequestSchema, request));
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      return response.text();
    },
  };
}

function overGrpc(address: string): Via {
  const socket = address.startsWith('unix:') ? `--unix-socket ${address.slice('unix:'.length)} ` : '';
  const host = socket === '' ? address : 'localhost';
  return {
    command: `npx buf curl --protocol grpc --http2-prior-knowledge ${socket}http://${host}${PATH}`,
    async ask(request) {
      const client = new Client(address, credentials.createInsecure());
      try {
        const bytes = toBinary(CheckTaskRequestSchema, create(CheckTaskRequestSchema, request));
        const response = await new Promise<Buffer>((resolve, reject) => {
          client.makeUnaryRequest<Buffer, Buffer>(
            PATH,
            (value) => value,
            (value) => value,
            Buffer.from(bytes),
            (error, value) => {
              if (error === null && value !== undefined) resolve(value);
              else reject(error ?? new Error('no answer'));
            },
          );
        });
        return JSON.stringify(toJson(CheckTaskResponseSchema, fromBinary(CheckTaskResponseSchema, response)), null, 2);
      } finally {
        client.close();
      }
    },
  };
}
