// The reference of the forward-auth row: an empty handler of node:http, with an answer of the same size.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const headers = {
  'content-length': 0,
  'cache-control': 'no-store',
  'taskgate-decision-id': '00000000-0000-4000-8000-000000000000',
  'x-taskgate-principal-kind': 'user',
  'x-taskgate-principal-id': 'alice',
  'x-taskgate-account-id': 'acme',
  'x-taskgate-task-id': 'task-1',
};
const server = createServer((_request, response) => response.writeHead(200, headers).end()).listen(
  0,
  '127.0.0.1',
  () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ http: `127.0.0.1:${port}` })}\n`);
  },
);
