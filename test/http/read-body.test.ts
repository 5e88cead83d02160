import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { readBody } from '../../src/http/read-body.ts';
import { postHttp1 } from '../support/raw-http.ts';

const BODY = Buffer.alloc(512 * 1024, 'x');
const WAIT_MS = 40;

test('reads a body at the pace of the budget, and all of it', async () => {
  let paces = 0;
  const budget = {
    hold: () => ({ add: () => undefined, release: () => undefined }),
    pace() {
      paces += 1;
      return WAIT_MS;
    },
  };
  const server = createServer((request, response) => {
    void readBody(request, { budget, maxBytes: 2 * BODY.length }).then((read) =>
      response.end(`${read.kind === 'bytes' ? read.bytes.length : read.kind}`),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sinceMs = performance.now();
  const { body } = await postHttp1(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {}, BODY);
  server.close();
  expect(body.toString()).toBe(`${BODY.length}`);
  expect(paces).toBeGreaterThan(2);
  // After the last chunk nothing is waited for, and some come before a pause takes hold.
  expect(performance.now() - sinceMs).toBeGreaterThan(2 * WAIT_MS);
});

test('frees what it has read of a body that is too long', async () => {
  const chunks: Buffer[] = [];
  const budget = { hold: () => ({ add: () => undefined, release: () => undefined }), pace: () => 0 };
  const server = createServer((request, response) => {
    const read = readBody(request, { budget, maxBytes: BODY.length / 2 });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    void read.then(({ kind }) => response.end(kind));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { body } = await postHttp1(`http://127.0.0.1:${port}/`, { 'transfer-encoding': 'chunked' }, BODY);
  server.close();
  expect(body.toString()).toBe('too_long');
  expect(chunks[0]?.length).toBe(0);
});
