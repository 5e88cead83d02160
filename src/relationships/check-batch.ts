import type { CallContext, CheckedRelationships, RelationshipCheck, RelationshipResult } from '../authorize/ports.ts';
import type { RelationshipObserver } from '../authorize/ports-observers.ts';
import type { Span } from '../authorize/ports-tracing.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { CancelledError, UnavailableError, toTaskgateError } from '../domain/errors.ts';
import { isAlike, kindKey, objectIdOf } from './check-key.ts';

/** Of a span. */
const BATCH = 'relationships.batch';

/** One call that waits for a batch. It ends by its own signal, whatever becomes of the others. */
export interface Joiner {
  readonly checks: readonly RelationshipCheck[];
  readonly deadlineAtMs: number;
  readonly span: Span | undefined;
  readonly answer: Promise<CheckedRelationships>;
  /** True while it still wants its answer. */
  isWaiting(): boolean;
  resolve(answer: CheckedRelationships): void;
  reject(error: TaskgateError): void;
  /** Runs once when it stops waiting, for whatever reason. */
  onEnd(listener: () => void): void;
}

export function createJoiner(
  checks: readonly RelationshipCheck[],
  { signal, deadlineAtMs, span }: CallContext,
): Joiner {
  const { promise, resolve, reject } = Promise.withResolvers<CheckedRelationships>();
  const listeners: (() => void)[] = [];
  let waiting = true;
  const end = (settle: () => void): void => {
    if (!waiting) return;
    waiting = false;
    signal.removeEventListener('abort', leave);
    settle();
    for (const listener of listeners) listener();
  };
  const leave = (): void => end(() => reject(toTaskgateError(signal.reason)));
  signal.addEventListener('abort', leave, { once: true });
  return {
    checks,
    deadlineAtMs,
    span,
    answer: promise,
    isWaiting: () => waiting,
    resolve: (answer) => end(() => resolve(answer)),
    reject: (error) => end(() => reject(error)),
    onEnd: (listener) => void listeners.push(listener),
  };
}

/**
 * Sends the checks of all joiners as one, identical ones once, and hands each joiner its own results. The call ends
 * when the last joiner has left, and its deadline is the latest of theirs.
 */
export async function sendBatch(
  joiners: readonly Joiner[],
  check: (checks: readonly RelationshipCheck[], context: CallContext) => Promise<CheckedRelationships>,
  observer: RelationshipObserver,
): Promise<void> {
  const items: RelationshipCheck[] = [];
  const slotOf = createSlots(items);
  const slotsOf = joiners.map(({ checks }) => checks.map(slotOf));
  const asked = slotsOf.reduce((sum, { length }) => sum + length, 0);
  observer.batched({ calls: joiners.length, checks: asked, items: items.length });
  const controller = new AbortController();
  let waiting = joiners.length;
  let answered = false;
  for (const joiner of joiners) {
    joiner.onEnd(() => {
      waiting -= 1;
      if (waiting === 0 && !answered) controller.abort(new CancelledError());
    });
  }
  const deadlineAtMs = Math.max(...joiners.map((joiner) => joiner.deadlineAtMs));
  const span = startBatchSpan(joiners);
  span?.set({ 'taskgate.calls': joiners.length, 'taskgate.items': items.length });
  try {
    const { results, checkedAt } = await check(items, { signal: controller.signal, deadlineAtMs, span });
    answered = true;
    span?.end();
    joiners.forEach((joiner, index) => {
      joiner.resolve({ results: (slotsOf[index] ?? []).map((slot) => resultAt(results, slot)), checkedAt });
    });
  } catch (thrown) {
    answered = true;
    span?.end(toTaskgateError(thrown).name);
    for (const joiner of joiners) joiner.reject(toTaskgateError(thrown));
  }
}

/** Of one call it is a part; of several it is a trace of its own, linked with all that are traced. */
function startBatchSpan(joiners: readonly Joiner[]): Span | undefined {
  const [first, ...others] = joiners.flatMap(({ span }) => span ?? []);
  if (first === undefined) return undefined;
  return joiners.length === 1 ? first.child(BATCH, 'internal') : first.shared(BATCH, others);
}

/** Gives each check its place among `items`, identical ones the same, and adds it there when it is new. */
function createSlots(items: RelationshipCheck[]): (check: RelationshipCheck) => number {
  const slots = new Map<string, Map<string | number, number>>();
  let last: RelationshipCheck | undefined;
  let slotsOfLast = new Map<string | number, number>();
  return (check) => {
    if (last === undefined || !isAlike(check, last)) {
      const key = kindKey(check);
      slotsOfLast = slots.get(key) ?? new Map<string | number, number>();
      slots.set(key, slotsOfLast);
      last = check;
    }
    const id = objectIdOf(check);
    const known = slotsOfLast.get(id);
    if (known !== undefined) return known;
    slotsOfLast.set(id, items.length);
    return items.push(check) - 1;
  };
}

function resultAt(results: readonly RelationshipResult[], slot: number): RelationshipResult {
  return results[slot] ?? { kind: 'failed', error: new UnavailableError('spicedb') };
}
