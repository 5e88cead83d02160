import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath } from './find-on-path.ts';
import { waitUntil } from './wait-until.ts';

const START_TIMEOUT_MS = 10_000;
const BUILT = fileURLToPath(new URL('../../.cache/bin/flagd', import.meta.url));

/** The flags of a file, as flagd reads them. */
export type FlagdFlags = Readonly<Record<string, object>>;

/** A real flagd, whose flags are in a file that it watches. */
export interface Flagd extends AsyncDisposable {
  readonly socketPath: string;
  writeFlags(flags: FlagdFlags): Promise<void>;
  /** Kills it; nothing answers on its socket then. */
  kill(): Promise<void>;
  /** Starts it again, after it was killed. */
  start(): Promise<void>;
}

/** `flagd` on the PATH, or as `scripts/install-flagd.sh` builds it; undefined where it has no way to run. */
export function findFlagd(): string | undefined {
  if (findOnPath('unshare') === undefined) return undefined;
  return findOnPath('flagd') ?? (existsSync(BUILT) ? BUILT : undefined);
}

/**
 * Starts it in a network of its own, since it listens on every address of the one that it is in: it can be asked through
 * its socket alone.
 *
 * @throws Error if it does not answer.
 */
export async function startFlagd(binary: string, flags: FlagdFlags): Promise<Flagd> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'taskgate-flagd-'));
  opened.defer(async () => rm(directory, { recursive: true, force: true }));
  const [socketPath, file] = [join(directory, 'flagd.sock'), join(directory, 'flags.json')];
  const writeFlags = async (next: FlagdFlags): Promise<void> => {
    // At once: half of a file is none.
    await writeFile(`${file}.next`, JSON.stringify({ flags: next }));
    await rename(`${file}.next`, file);
  };
  let kill = async (): Promise<void> => undefined;
  const start = async (): Promise<void> => {
    await rm(socketPath, { force: true });
    const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const run = spawn(
      'unshare',
      [...asRoot, '--net', binary, 'start', '--socket-path', socketPath, '--uri', `file:${file}`],
      {
        stdio: 'ignore',
      },
    );
    const exited = once(run, 'exit');
    kill = async () => {
      run.kill('SIGKILL');
      await exited;
    };
    await waitUntil(() => existsSync(socketPath) || undefined, { what: 'flagd', timeoutMs: START_TIMEOUT_MS });
  };
  opened.defer(async () => kill());
  await writeFlags(flags);
  await start();
  const kept = opened.move();
  return {
    socketPath,
    writeFlags,
    kill: async () => kill(),
    start,
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}
