import { Gauge } from 'prom-client';
import type { ChangeFigures, RelationshipObserver } from '../authorize/ports-observers.ts';
import type { Metrics } from './metrics.ts';

const SECOND_MS = 1_000;

/** Counts what the relationships' layers do. */
export function createRelationshipObserver({ metrics }: { readonly metrics: Metrics }): RelationshipObserver {
  return {
    answered: (outcome, count) => metrics.answers.inc([outcome], count),
    kept: (entries) => metrics.answerEntries.set(entries),
    batched({ calls, checks, items }) {
      metrics.batches.inc();
      metrics.batchCalls.inc(calls);
      metrics.batchChecks.inc({ kind: 'item' }, items);
      metrics.batchChecks.inc({ kind: 'shared' }, checks - items);
    },
    asked: (asked, floored) => metrics.consistency.inc({ asked, floored }),
    followed: (state) => metrics.watchTransitions.inc({ state }),
    changed: () => metrics.changes.inc(),
    ownWriteTold: (lagMs) => metrics.watchLag.observe(lagMs / SECOND_MS),
  };
}

/** Shows how well changes are followed; the figures are asked for when the metrics are read. */
export function showChanges({ registry }: Metrics, figures: () => ChangeFigures): void {
  const show = (name: string, help: string, valueOf: (now: ChangeFigures) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(valueOf(figures()));
      },
    });
  show('taskgate_watch_following', '1 while changes are followed and decisions are kept', ({ isFollowing }) =>
    isFollowing ? 1 : 0,
  );
  show(
    'taskgate_watch_silence_seconds',
    'Time since SpiceDB last said that nothing is missing, by a change or by its latest revision',
    ({ silentForMs }) => silentForMs / SECOND_MS,
  );
  show(
    'taskgate_freshness_floors',
    'Objects whose last change is remembered as the floor of their checks',
    ({ changedObjects }) => changedObjects,
  );
}
