import { setTimeout as delay } from 'node:timers/promises';
import { v1 } from '@authzed/authzed-node';
import type { Clock } from '../authorize/ports.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { ChangeListener } from './freshness.ts';
import { findLeafTypes } from './leaf-types.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { READ_SCHEMA, WATCH } from './spicedb-methods.ts';
import { writeTagOf } from './spicedb-requests.ts';

export interface FollowChangesOptions {
  /** Milliseconds that reading the schema may take. */
  readonly timeoutMs: number;
  /**
   * Milliseconds without a word from Watch after which SpiceDB is asked for its latest revision: Watch only speaks of
   * changes, and may hang without a word. No answer within as long again means that changes may be missed. `off` never
   * asks. Default 500.
   */
  readonly silenceMs?: number | 'off';
}

export interface FollowChangesDeps {
  readonly client: SpiceDbClient;
  readonly clock: Clock;
  readonly listener: ChangeListener;
  /** Told why changes may be missed. */
  readonly onLost: (error: unknown) => void;
}

const RETRY_DELAY_MS = 200;
const MAX_RETRY_DELAY_MS = 5_000;
/** How often silence is looked for within its time, so that it is noticed little later than it is one. */
const PROBES_PER_SILENCE = 5;
const ALL_KINDS = [
  v1.WatchKind.INCLUDE_RELATIONSHIP_UPDATES,
  v1.WatchKind.INCLUDE_SCHEMA_UPDATES,
  v1.WatchKind.INCLUDE_CHECKPOINTS,
];

/**
 * Follows SpiceDB's Watch for as long as it is not closed, and begins anew whenever it breaks or the schema changes.
 *
 * Each beginning reads the schema, at a revision from which the Watch then starts: what came before is covered by
 * reading at least there, and what comes after is told. So nothing has to be resumed.
 */
export function followChanges(deps: FollowChangesDeps, options: FollowChangesOptions): { close(): void } {
  const closing = new AbortController();
  void followAlways(deps, options, closing.signal);
  return { close: () => closing.abort() };
}

async function followAlways(
  deps: FollowChangesDeps,
  options: FollowChangesOptions,
  closing: AbortSignal,
): Promise<void> {
  for (let attempt = 0; !closing.aborted; attempt += 1) {
    try {
      await followOnce(deps, options, closing, () => {
        attempt = 0;
      });
    } catch (error) {
      if (!closing.aborted) deps.onLost(error);
    }
    deps.listener.lost();
    await delay(Math.min(RETRY_DELAY_MS * 2 ** attempt, MAX_RETRY_DELAY_MS), undefined, { signal: closing }).catch(
      () => undefined,
    );
  }
}

/** Ends when the schema changes; throws when the Watch breaks. */
async function followOnce(
  { client, clock, listener }: FollowChangesDeps,
  { timeoutMs, silenceMs = 500 }: FollowChangesOptions,
  closing: AbortSignal,
  onMessage: () => void,
): Promise<void> {
  const readSchema = async (withinMs: number, options: { readonly idempotent: boolean }) => {
    const bounds = { signal: closing, deadlineAtMs: clock.nowMs() + withinMs };
    const { schemaText: text, readAt: at } = await client.call(READ_SCHEMA, {}, bounds, options);
    if (at === undefined || at.token === '')
      throw new UnavailableError('spicedb', { cause: 'a schema without a revision' });
    return { schemaText: text, readAt: at };
  };
  const { schemaText, readAt } = await readSchema(timeoutMs, { idempotent: true });
  const leafTypes = findLeafTypes(schemaText);
  const request: v1.WatchRequest = {
    optionalObjectTypes: [],
    optionalRelationshipFilters: [],
    optionalUpdateKinds: ALL_KINDS,
    optionalStartCursor: readAt,
  };
  const { promise: ended, resolve, reject } = Promise.withResolvers<undefined>();
  let quietSinceMs = clock.nowMs();
  const probe = async (withinMs: number): Promise<void> => {
    if (clock.nowMs() - quietSinceMs < withinMs) return;
    quietSinceMs = clock.nowMs();
    const answered = listener.asking();
    const latest = await readSchema(withinMs, { idempotent: false });
    if (latest.schemaText === schemaText) answered(latest.readAt.token);
    else resolve(undefined);
  };
  const prober =
    silenceMs === 'off'
      ? undefined
      : setInterval(() => void probe(silenceMs).catch(reject), silenceMs / PROBES_PER_SILENCE);
  const watch = client.stream(
    WATCH,
    request,
    { signal: closing },
    {
      onMessage(message) {
        quietSinceMs = clock.nowMs();
        onMessage();
        if (message.schemaUpdated) resolve(undefined);
        else if (!tell(message, listener))
          reject(new UnavailableError('spicedb', { cause: 'changes without a revision' }));
      },
      onEnd: (error) => reject(error ?? new UnavailableError('spicedb', { cause: 'Watch ended' })),
    },
  );
  // With relationships that expire no answer may be kept, but the schema is still watched.
  if (leafTypes !== undefined) listener.followed({ token: readAt.token, leafTypes });
  try {
    await ended;
  } finally {
    clearInterval(prober);
    watch.cancel();
  }
}

/** @returns false if what has changed can't be told. */
function tell(
  { updates, changesThrough, optionalTransactionMetadata }: v1.WatchResponse,
  listener: ChangeListener,
): boolean {
  if (updates.length === 0) return true;
  if (changesThrough === undefined || changesThrough.token === '') return false;
  const objects = updates.map(({ relationship }) => ({
    type: relationship?.resource?.objectType ?? '',
    id: relationship?.resource?.objectId ?? '',
  }));
  listener.changed(objects, changesThrough.token, writeTagOf(optionalTransactionMetadata));
  return true;
}
