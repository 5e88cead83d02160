import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createGrpcListener } from '../../src/rpc/grpc-listener.ts';
import { defineUnary } from '../../src/rpc/procedure.ts';
import type { Listener } from '../../src/rpc/listener.ts';
import { createHealth } from '../../src/rpc/health.ts';

const MODE_BITS = 0o777;
let directory = '';
let path = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'taskgate-socket-'));
  path = join(directory, 'grpc.sock');
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

async function listen(socketMode = 0o660): Promise<Listener> {
  return createGrpcListener(
    {
      procedures: [defineUnary({ method: AuthorizationService.method.checkTask, handle: nobodyCalls })],
      authenticate: () => LOCAL_CALLER,
      pipeline: { refuse: () => undefined, run: nobodyCalls, stream: nobodyStreams },
      createDecisionId: () => 'id',
      health: createHealth().implementation,
    },
    {
      address: `unix:${path}`,
      socketMode,
      maxMessageBytes: 1_024,
      maxConcurrentStreams: 10,
      maxConnections: 10,
      maxHeaderBytes: 1_024,
      maxReceiving: 10,
      maxReceivingBytes: 1_024,
      requestTimeoutMs: 1_000,
      idleTimeoutMs: 1_000,
      stallTimeoutMs: 1_000,
    },
  );
}

async function nobodyCalls(): Promise<never> {
  throw new Error('nobody calls');
}

async function* nobodyStreams(): AsyncGenerator<never> {
  yield await nobodyCalls();
}

/** What a process that was killed leaves: a socket file that nobody listens on. */
async function leaveStaleSocket(): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), 'exit');
}

describe('the gRPC socket', () => {
  it.each([0o660, 0o600])('has its mode (%i), and is gone when the listener is closed', async (mode) => {
    const listener = await listen(mode);
    const { mode: found } = await stat(path);
    expect((found & MODE_BITS).toString(8)).toBe(mode.toString(8));
    await listener.close(0);
    expect(existsSync(path)).toBe(false);
  });

  it('replaces a file that a killed process left', async () => {
    await leaveStaleSocket();
    expect(existsSync(path)).toBe(true);
    const listener = await listen();
    expect(listener.address).toBe(`unix:${path}`);
    await listener.close(0);
  });

  it('refuses a socket that another listener has, and leaves it alone', async () => {
    const first = await listen();
    await expect(listen()).rejects.toThrow(`can't listen on unix:${path}: another process does`);
    expect(existsSync(path)).toBe(true);
    await first.close(0);
  });

  it('does not remove what is no socket', async () => {
    await writeFile(path, 'precious');
    await expect(listen()).rejects.toThrow(`can't listen on unix:${path}: there is a file that is no socket`);
    expect((await stat(path)).size).toBe('precious'.length);
  });

  it('does not remove what a link of its name points to', async () => {
    const target = join(directory, 'target');
    await writeFile(target, 'precious');
    await symlink(target, path);
    await expect(listen()).rejects.toThrow(`can't listen on unix:${path}: there is a file that is no socket`);
    expect((await stat(target)).size).toBe('precious'.length);
  });

  it('says so when the directory does not exist', async () => {
    path = join(directory, 'none', 'grpc.sock');
    await expect(listen()).rejects.toThrow(`can't listen on unix:${path}`);
  });
});
