import type { RegisteredRow } from '../../authorize/ports-lifecycle.ts';
import { AlreadyExistsError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/principal.ts';
import { deregister } from '../deregister-resource.ts';
import { register } from '../register-resource.ts';
import { mapAtOnce } from './at-once.ts';
import type { DriftItem } from './drift.ts';
import type { Engine, ReconcileType } from './engine.ts';
import { typeRunOf } from './engine.ts';
import { addFound } from './run-state.ts';

/** A row that says all that registering it writes. */
export interface CompleteRow extends Pick<RegisteredRow, 'id' | 'parentId'> {
  readonly owner: Principal;
}

const REGISTERED_AT_ONCE = 100;
const WRITES_AT_ONCE = 8;

/**
 * Registers rows, and looks for each row again when it has: the application may have deleted it and deregistered it just
 * before, and then nobody else would take the registration back.
 *
 * @returns the rows that are registered otherwise; `stopped` if there are rows that were not looked at.
 */
export async function registerRows(
  engine: Engine,
  { registration, rows }: ReconcileType,
  unregistered: readonly CompleteRow[],
): Promise<readonly DriftItem[] | 'stopped'> {
  const { deps, signal } = engine;
  const typeRun = typeRunOf(engine, registration.type);
  const mismatched: DriftItem[] = [];
  for (let at = 0; at < unregistered.length; at += REGISTERED_AT_ONCE) {
    const registered: CompleteRow[] = [];
    const chunk = unregistered.slice(at, at + REGISTERED_AT_ONCE);
    try {
      await mapAtOnce(chunk, WRITES_AT_ONCE, async (row) => {
        await engine.writes.take(1, signal);
        if (signal.aborted) return;
        try {
          await engine.call(async (context) => register(deps, { registration, ...row }, context));
          registered.push(row);
        } catch (error) {
          if (!(error instanceof AlreadyExistsError)) throw error;
          mismatched.push({ kind: 'mismatched', id: row.id });
        }
      });
    } finally {
      // Also after a fault: what was registered may have lost its row.
      const ids = registered.map(({ id }) => id);
      const present = await engine.call(async (context) => rows?.present(ids, context) ?? new Set<string>());
      for (const { id, owner } of registered) {
        if (present.has(id)) {
          addFound(typeRun, { kind: 'unregistered', id }, { isRepaired: true });
        } else {
          const removed = { registration, id, account: owner.account };
          await engine.call(async (context) => deregister(deps.writer, removed, context));
        }
      }
    }
    if (signal.aborted) return 'stopped';
  }
  return mismatched;
}
