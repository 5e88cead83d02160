import { createHash } from 'node:crypto';
import type { Clock } from '../authorize/ports.ts';
import type { ServeConfig } from '../config/config.ts';
import type { ReconcileState, RunState } from '../lifecycle/reconcile/run-state.ts';
import { parseState, serializeState } from '../lifecycle/reconcile/run-state.ts';
import { writeFileAtomic } from './atomic-file.ts';

/** A state that can't be gone on with. Its message says what to do. */
export class StateError extends Error {}

/** What is kept between runs, in a file or, without one, for this run only. */
export interface StateStore {
  readonly state: ReconcileState;
  /** Keeps the run, but not more than once a second. */
  checkpoint(run: RunState): Promise<void>;
  /** Keeps the state now. @throws Error if the file can't be written. */
  save(state: ReconcileState): Promise<void>;
}

const SAVE_EVERY_MS = 1_000;

/**
 * @param readFile throws with the code ENOENT if there is no such file.
 * @throws StateError if the file holds the state of something else.
 */
export function openState(
  { readFile, clock }: { readonly readFile: (path: string) => string; readonly clock: Clock },
  { path, fingerprint }: { readonly path: string | undefined; readonly fingerprint: string },
): StateStore {
  let state: ReconcileState = readState(readFile, path) ?? { version: 1, fingerprint, rows: {} };
  if (state.fingerprint !== fingerprint) {
    throw new StateError(`the state in ${path} is of another configuration or command: remove it to begin anew`);
  }
  let savedAtMs = 0;
  const save = async (next: ReconcileState): Promise<void> => {
    state = next;
    savedAtMs = clock.nowMs();
    if (path !== undefined) await writeFileAtomic(path, serializeState(next));
  };
  return {
    get state() {
      return state;
    },
    save,
    async checkpoint(run) {
      if (clock.nowMs() - savedAtMs >= SAVE_EVERY_MS) await save({ ...state, run });
    },
  };
}

function readState(readFile: (path: string) => string, path: string | undefined): ReconcileState | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new StateError(`the state in ${path} can not be read`, { cause: error });
  }
  const state = parseState(text);
  if (state === undefined) {
    throw new StateError(`${path} is no state of this version of taskgate: remove it to begin anew`);
  }
  return state;
}

/** Says what a state is of: the command, the types with their tables, and the stores. Without secrets. */
export function toFingerprint(command: string, types: readonly string[], config: ServeConfig): string {
  const { host, pathname } = new URL(config.database.url);
  const compared = types.map((type) => [
    config.registrations.find((registration) => registration.type === type),
    config.sources.find((source) => source.type === type),
  ]);
  const of = [command, compared, config.spicedb.endpoint, host, pathname];
  return createHash('sha256').update(JSON.stringify(of)).digest('hex');
}
