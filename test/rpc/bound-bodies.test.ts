import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { CheckTaskRequestSchema } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { boundBodies } from '../../src/rpc/bound-bodies.ts';
import { postHttp1 } from '../support/raw-http.ts';

const BYTES = 512 * 1024;
const BUDGET = { hold: () => ({ add: () => undefined, release: () => undefined }), pace: () => 0 };

it.each([
  ['frees what it has read of a body that is refused', '['.repeat(BYTES), true],
  ['leaves a whole one to who decodes it', `"${'x'.repeat(BYTES)}"`, false],
])('%s', async (_does, body, isFreed) => {
  const boundBody = boundBodies(
    { budget: BUDGET, requestOf: () => CheckTaskRequestSchema },
    { maxMessageBytes: BYTES },
  );
  const chunks: Buffer[] = [];
  const server = createServer((request, response) => {
    boundBody(request, response, () => {
      const read = readAll(request);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      void read.then((how) => response.end(how));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  const answer = await postHttp1(`http://127.0.0.1:${port}/`, headers, body);
  server.close();
  expect(answer.body.toString()).toBe(isFreed ? 'refused' : 'read');
  expect(chunks[0]?.length === 0).toBe(isFreed);
});

async function readAll(request: AsyncIterable<Buffer>): Promise<string> {
  try {
    for await (const chunk of request) void chunk;
    return 'read';
  } catch {
    return 'refused';
  }
}
