import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import { freePort } from '../support/free-port.ts';
import { findSpiceDb, startSpiceDbServer } from '../support/spicedb-server.ts';
import { createTestDatabase } from '../support/test-database.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/quickstart.md'), 'utf8');
const RUN = /<!-- run -->\n *```sh\n(?<commands>[\s\S]*?)\n *```/g;
const SHOWN = /```json\n(?<answer>[\s\S]*?)\n *```/;
const BODY = /'(?<body>\{.*\})'/g;
const TIMEOUT_MS = 120_000;

const commands = [...PAGE.matchAll(RUN)].map(({ groups }) => (groups?.['commands'] ?? '').replaceAll(/^ {3}/gm, ''));
const binary = findSpiceDb();

it('the calls with Compose are the ones that are run with your own stores', () => {
  const [withCompose, own] = PAGE.split('## With your own stores').map((part) =>
    [...part.matchAll(BODY)].map(({ groups }) => groups?.['body']),
  );
  expect(withCompose).toHaveLength(3);
  expect(withCompose).toEqual(own);
});

it.skipIf(binary === undefined)(
  'its commands, pasted one after the other, give the answer that is shown',
  { timeout: TIMEOUT_MS },
  async () => {
    await using spiceDb = await startSpiceDbServer(binary ?? '', {
      postgresUrl: inject('postgresUrl'),
      watchHeartbeatMs: 250,
      relationships: 'nothing',
    });
    await using database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
    const directory = await mkdtemp(join(tmpdir(), 'taskgate-quickstart-'));
    const [grpc, http, admin] = [await freePort(), await freePort(), await freePort()];
    const script = [
      'set -euo pipefail',
      // The process that npm started outlives it otherwise.
      "trap 'kill 0' EXIT",
      `export TASKGATE_GRPC_ADDRESS=127.0.0.1:${grpc} TASKGATE_HTTP_ADDRESS=127.0.0.1:${http} TASKGATE_ADMIN_ADDRESS=127.0.0.1:${admin}`,
      `files=${directory}`,
      ...commands,
      'sleep 0',
    ].join('\n');
    const here = [
      ['127.0.0.1:50052', spiceDb.options.endpoint],
      ['your-preshared-key', spiceDb.options.token],
      ['postgres://taskgate:password@127.0.0.1:5432/app', database.url],
      ['redis://127.0.0.1:6379', inject('redisUrl')],
      ['127.0.0.1:8080', `127.0.0.1:${http}`],
      ['> effective.yaml', '> "$files/effective.yaml"'],
      ['> taskgate.log', '> "$files/taskgate.log"'],
    ].reduce((text, [shown = '', real = '']) => {
      if (!text.includes(shown)) throw new Error(`the page no longer says ${shown}`);
      return text.replaceAll(shown, real);
    }, script);
    let shell: ChildProcessByStdio<null, Readable, Readable> | undefined;
    try {
      shell = spawn('bash', ['-c', here], { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr] = [shell.stdout, shell.stderr].map(async (stream) => (await stream.toArray()).join(''));
      await once(shell, 'exit');
      const printed = `${await stdout}\n${await stderr}`;
      const answers = printed.match(/\{"(?:decision|writtenAt)".*?\}/g) ?? [];
      const shown = answers.map((answer) => answer.replace(/"(checkedAt|writtenAt)": *"[^"]+"/, '"$1":"…"'));
      expect([shown, printed]).toEqual([
        ['{"writtenAt":"…"}', '{"writtenAt":"…"}', SHOWN.exec(PAGE)?.groups?.['answer']?.trim()],
        printed,
      ]);
    } finally {
      if (shell?.pid !== undefined && shell.exitCode === null) process.kill(-shell.pid, 'SIGKILL');
      await rm(directory, { recursive: true, force: true });
    }
  },
);
