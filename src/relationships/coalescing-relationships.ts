import type { Relationships } from '../authorize/ports.ts';
import type { RelationshipObserver } from '../authorize/ports-observers.ts';
import { NO_RELATIONSHIP_OBSERVER } from '../authorize/ports-observers.ts';
import type { Consistency } from '../domain/consistency.ts';
import { toTaskgateError } from '../domain/errors.ts';
import { createJoiner, sendBatch } from './check-batch.ts';
import type { Joiner } from './check-batch.ts';
import { consistencyKey } from './check-key.ts';

export interface CoalescingOptions {
  /** Checks that a batch takes; a call with as many goes alone. Default 500. */
  readonly maxBatchItems?: number;
  /**
   * Batches of one consistency that may be under way; while they are, calls gather for the next. Default 8: enough that
   * one slow answer does not hold up the rest.
   */
  readonly maxBatchesUnderWay?: number;
}

type Send = Parameters<typeof sendBatch>[1];

/** Calls of one consistency. */
interface Lane {
  readonly consistency: Consistency;
  waiting: Joiner[];
  underWay: number;
  scheduled: boolean;
}

/**
 * Makes one call of the checks that wait at the same moment with the same consistency: in the same turn of the event
 * loop, or while as many batches as may be are under way. Identical ones are one item.
 *
 * The checks of one call stay together, so they are read at one revision. A batch that has been sent takes no more
 * checks, so that none is answered from a read that began before it was asked.
 */
export function createCoalescingRelationships(
  {
    inner,
    observer = NO_RELATIONSHIP_OBSERVER,
  }: { readonly inner: Relationships; readonly observer?: RelationshipObserver },
  { maxBatchItems = 500, maxBatchesUnderWay = 8 }: CoalescingOptions = {},
): Relationships {
  const lanes = new Map<string, Lane>();

  const send = (key: string, lane: Lane): void => {
    while (lane.waiting.length > 0 && lane.underWay < maxBatchesUnderWay) {
      const joiners = takeBatch(lane, maxBatchItems);
      if (joiners.length === 0) break;
      lane.underWay += 1;
      const check: Send = async (checks, context) => inner.check(checks, lane.consistency, context);
      void sendBatch(joiners, check, observer).then(() => {
        lane.underWay -= 1;
        send(key, lane);
      });
    }
    if (lane.waiting.length === 0 && lane.underWay === 0 && !lane.scheduled) lanes.delete(key);
  };

  return {
    async check(checks, consistency, context) {
      if (context.signal.aborted) throw toTaskgateError(context.signal.reason);
      const joiner = createJoiner(checks, context);
      if (checks.length >= maxBatchItems) {
        const check: Send = async (items, bounds) => inner.check(items, consistency, bounds);
        void sendBatch([joiner], check, observer);
        return joiner.answer;
      }
      const key = consistencyKey(consistency);
      const lane = lanes.get(key) ?? { consistency, waiting: [], underWay: 0, scheduled: false };
      lanes.set(key, lane);
      lane.waiting.push(joiner);
      if (!lane.scheduled) {
        lane.scheduled = true;
        // After the I/O of this turn: every request that has arrived by now has asked.
        setImmediate(() => {
          lane.scheduled = false;
          send(key, lane);
        });
      }
      return joiner.answer;
    },
  };
}

/** Takes from the lane what makes one batch, and forgets who has left. */
function takeBatch(lane: Lane, maxBatchItems: number): readonly Joiner[] {
  const stillWaiting = lane.waiting.filter((joiner) => joiner.isWaiting());
  let items = 0;
  const end = stillWaiting.findIndex(({ checks }) => (items += checks.length) > maxBatchItems);
  const count = end === -1 ? stillWaiting.length : end;
  lane.waiting = stillWaiting.slice(count);
  return stillWaiting.slice(0, count);
}
