/** Asks a running `npm start` three things: `node clients/typescript/example/check.ts [gRPC address]` */
import { createTaskgateClient } from '../src/client.ts';

const [target = '127.0.0.1:50051'] = process.argv.slice(2);
using client = createTaskgateClient({ transport: 'grpc', target, timeoutMs: 5_000 });

for (const [userId, id] of [
  ['alice', 'msg-1'],
  ['dave', 'msg-1'],
  ['dave', 'no-such-msg'],
] as const) {
  const answer = await client.check({
    principal: { userId, accountId: 'acme' },
    resource: { type: 'message', id },
    operation: 'read',
  });
  const told = answer.kind === 'allowed' ? `allowed, on ${answer.taskId}` : answer.kind.replace('-', ' ');
  console.log(`${userId} reads ${id}: ${told}`);
}
