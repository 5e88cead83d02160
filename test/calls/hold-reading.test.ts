import { once } from 'node:events';
import { createServer as createHttp2Server, connect as connectHttp2 } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { holdReading } from '../../src/calls/hold-reading.ts';

const HELD_MS = 200;

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.defer(async () => {
    const closed = once(server, 'close');
    server.close();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

async function openPair(): Promise<{ readonly client: Socket; readonly accepted: Socket }> {
  const server = createServer();
  const port = await listen(server);
  const connection = once(server, 'connection');
  const client = connect(port, '127.0.0.1');
  const [accepted] = (await connection) as [Socket];
  opened.defer(() => {
    client.destroy();
    accepted.destroy();
  });
  return { client, accepted };
}

it('reads nothing for so long, and then all of it', async () => {
  const { client, accepted } = await openPair();
  const read = once(accepted, 'data') as Promise<[Buffer]>;
  const sinceMs = performance.now();
  holdReading(accepted, HELD_MS / 2);
  // The longest counts.
  holdReading(accepted, HELD_MS);
  holdReading(accepted, 1);
  client.write('all of it');
  const [chunk] = await read;
  expect(chunk.toString()).toBe('all of it');
  // A timer may be a millisecond early.
  expect(performance.now() - sinceMs).toBeGreaterThan(HELD_MS - 2);
});

it('holds a connection that node:http2 has taken over', async () => {
  const server = createHttp2Server();
  const port = await listen(server);
  server.on('stream', (stream) => {
    stream.respond({}, { endStream: true });
    if (stream.session !== undefined) holdReading(stream.session.socket, HELD_MS);
  });
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  opened.defer(() => session.destroy());
  const ask = async (): Promise<number> => {
    const stream = session.request({ ':path': '/' });
    await once(stream, 'response');
    stream.close();
    return performance.now();
  };
  const firstMs = await ask();
  expect((await ask()) - firstMs).toBeGreaterThan(HELD_MS - 2);
});

it('leaves a connection alone that has closed since', async () => {
  const { client, accepted } = await openPair();
  holdReading(accepted, 10);
  accepted.destroy();
  await once(client, 'close');
  await delay(50);
  holdReading(accepted, 10);
  await delay(50);
  expect(accepted.destroyed).toBe(true);
});
