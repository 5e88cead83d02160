import type { Consistency } from '../domain/consistency.ts';
import { toTaskgateError } from '../domain/errors.ts';
import type { ListNote, ListReadableTasks, ListRequest } from './list-readable-tasks.ts';
import { TASK } from './list-readable-tasks.ts';
import type { CallContext } from './ports.ts';
import type { ListFlag, ListLog, ListRecord } from './ports-list-log.ts';

/** The same lists, each with one record when it is complete, breaks, or is left by whoever takes it. */
export function recordLists(listReadableTasks: ListReadableTasks, log: ListLog | undefined): ListReadableTasks {
  if (log === undefined) return listReadableTasks;
  return async function* recorded(request, context) {
    const seen = new SeenList(request);
    try {
      for await (const event of listReadableTasks(request, context)) {
        if (event.kind === 'page') seen.page(event.taskIds.length, event.position.snapshot);
        // Some take no more after they know that it is all.
        else seen.finish(event);
        yield event;
      }
    } catch (error) {
      seen.failed = toTaskgateError(error).name;
      throw error;
    } finally {
      log.record(seen.toRecord(context));
    }
  };
}

/** Of the question; undefined flags are none. */
export function flagOf({ kind }: Consistency): readonly ListFlag[] {
  return kind === 'minimize_latency' ? [] : [kind];
}

class SeenList {
  failed: string | undefined;
  readonly #request: ListRequest;
  #listed = 0;
  #revision: string | undefined;
  #isUnscoped = false;
  #isFinished = false;
  #note: ListNote | undefined;

  constructor(request: ListRequest) {
    this.#request = request;
    this.#revision = request.position?.snapshot;
  }

  page(count: number, snapshot: string): void {
    this.#listed += count;
    this.#revision = snapshot;
  }

  finish({ kind, note }: { readonly kind: 'unscoped' | 'complete'; readonly note?: ListNote }): void {
    this.#isFinished = true;
    this.#isUnscoped ||= kind === 'unscoped';
    this.#note = note;
  }

  toRecord(context: CallContext): ListRecord {
    const { decisionId, caller, startedAtMs, traceId, principal, type = TASK, operation } = this.#request;
    const failed = this.failed ?? this.#left(context);
    return {
      method: 'list',
      decisionId,
      caller,
      startedAtMs,
      traceId,
      principal,
      types: [type],
      operation,
      outcome: failed === undefined ? 'LISTED' : 'ERROR',
      reason: failed ?? this.#note?.reason ?? 'decided',
      listed: this.#listed,
      revision: this.#revision === '' ? undefined : this.#revision,
      flags: this.#flags(failed),
    };
  }

  /** Why the call ended before its list, if it did: somebody has not been told all. */
  #left({ signal }: CallContext): string | undefined {
    return !this.#isFinished && signal.aborted ? toTaskgateError(signal.reason).name : undefined;
  }

  #flags(failed: string | undefined): readonly ListFlag[] {
    const { consistency, position } = this.#request;
    const flags: ListFlag[] = [...flagOf(consistency)];
    if (position !== undefined) flags.push('continued');
    if (this.#note !== undefined) flags.push(`enforcement=${this.#note.enforcement}`);
    if (this.#note?.reason === 'bypassed') flags.push('bypass');
    if (this.#isUnscoped) flags.push('unscoped');
    if (!this.#isFinished && failed === undefined) flags.push('stopped');
    return flags;
  }
}
