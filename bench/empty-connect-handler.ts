// The reference of the Connect row: an empty handler on connect-node over HTTP/1.1, with the messages of CheckTask.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { AuthorizationService, Decision } from '../src/gen/taskgate/v1/authorization_pb.js';

const answer = { decision: Decision.ALLOWED, taskId: 'task-1', checkedAt: 'GhUKEzE3OTU1NzE4MzgwMDAwMDAwMDA=' };
const handler = connectNodeAdapter({
  routes: (router) => void router.service(AuthorizationService, { checkTask: () => answer }),
});
const server = createServer(handler).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ http: `127.0.0.1:${port}` })}\n`);
});
