import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TaskgateProcess } from '../support/taskgate-process.ts';
import { spawnTaskgate } from '../support/taskgate-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** A command and the answer that is shown for it. */
const EXAMPLES = Array.from(
  README.matchAll(/<!-- example: (?<name>\w+) -->\n```sh\n(?<command>[\s\S]*?)```\n\n```json\n(?<answer>[\s\S]*?)```/g),
  ({ groups }) => ({ name: groups?.['name'], command: groups?.['command'] ?? '', answer: groups?.['answer'] ?? '' }),
);

/** The same, of a command that prints text. */
const EXPLAINED = /<!-- explanation -->\n```sh\n(?<command>[\s\S]*?)```\n\n```text\n(?<answer>[\s\S]*?)```/.exec(
  README,
)?.groups;

describe('the examples of the README', () => {
  let demo: TaskgateProcess;
  beforeAll(async () => {
    const anyPort = '127.0.0.1:0';
    demo = spawnTaskgate(['demo'], {
      TASKGATE_GRPC_ADDRESS: anyPort,
      TASKGATE_HTTP_ADDRESS: anyPort,
      TASKGATE_ADMIN_ADDRESS: anyPort,
    });
    await vi.waitFor(() => expect(demo.stdout()).toContain('Ctrl-C ends it.'), { timeout: 20_000, interval: 50 });
  });
  afterAll(async () => demo[Symbol.asyncDispose]());

  it('are there', () => {
    expect(EXAMPLES.map(({ name }) => name)).toEqual(['allowed', 'denied', 'list', 'register', 'authzen']);
  });

  it.each(EXAMPLES)('$name: gives the answer that is shown', async ({ command, answer }) => {
    const grpc = /gRPC +(\S+)/.exec(demo.stdout())?.[1] ?? '';
    const http = /Connect +http:\/\/(\S+)/.exec(demo.stdout())?.[1] ?? '';
    const here = command.replace('127.0.0.1:50051', grpc).replace('127.0.0.1:8080', http);
    const { stdout } = await promisify(execFile)('bash', ['-c', here], { cwd: ROOT });
    const shown: unknown = JSON.parse(stdout.replace(/"(checkedAt|writtenAt)": *"[^"]+"/, '"$1":"…"'));
    expect(shown).toEqual(JSON.parse(answer));
  });

  it('explain: prints what is shown', async () => {
    const admin = /probes +http:\/\/([^/]+)/.exec(demo.stdout())?.[1] ?? '';
    const env = { ...process.env, TASKGATE_ADMIN_ADDRESS: admin };
    const command = EXPLAINED?.['command'] ?? '';
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: ROOT, env });
    // For some seconds after the start, what was just written is a floor.
    expect(stdout.replace(/, raised to \w+/, '')).toBe(EXPLAINED?.['answer']);
  });
});
