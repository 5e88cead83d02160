import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FloodPenalties } from '../../src/calls/flood-penalties.ts';
import { createFloodPenalties } from '../../src/calls/flood-penalties.ts';

/** What a new connection of an address that floods waits. */
const WAIT_MS = 250;

let nowMs = 0;
let penalties: FloodPenalties;
let opened: AsyncDisposableStack;
let port: number;
let accepted: Socket[];
beforeEach(async () => {
  nowMs = 1_000;
  penalties = createFloodPenalties(() => nowMs);
  opened = new AsyncDisposableStack();
  accepted = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    penalties.receive(socket);
    socket.on('data', () => socket.end('read'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  opened.defer(() => void server.close());
});
afterEach(async () => opened.disposeAsync());

async function open(localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  opened.defer(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Milliseconds until it is answered. */
async function askedOn(socket: Socket): Promise<number> {
  const sinceMs = performance.now();
  socket.write('x');
  await once(socket, 'data');
  return performance.now() - sinceMs;
}

async function flood(): Promise<void> {
  await open();
  await expect.poll(() => accepted.length).toBeGreaterThan(0);
  const [socket] = accepted;
  penalties.punish(socket?.remoteAddress);
}

describe('an address that has flooded', () => {
  it('has its new connections wait until they are read, and no other address has', async () => {
    await flood();
    const waits = await Promise.all([open(), open(), open('127.0.0.2')]).then(async (sockets) =>
      Promise.all(sockets.map(askedOn)),
    );
    const [first = 0, second = 0, other = Infinity] = waits;
    for (const waited of [first, second]) {
      expect(waited).toBeGreaterThan(WAIT_MS / 2);
      expect(waited).toBeLessThan(2 * WAIT_MS);
    }
    expect(other).toBeLessThan(WAIT_MS / 2);
  });

  it('is as any other when it has not flooded for a while', async () => {
    await flood();
    nowMs += 10_000;
    expect(await askedOn(await open())).toBeLessThan(WAIT_MS / 2);
  });
});
