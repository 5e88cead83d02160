import type { History } from './history.ts';
import type { Model, TaskRecord, Write } from './model.ts';
import type { Judgement, Observation, OracleDeps } from './oracle.ts';
import { createOracle, findLost } from './oracle.ts';

/** Something that must not be. */
export interface Violation {
  readonly what:
    | Exclude<Judgement['verdict'], 'right'>
    | 'lost write'
    | 'wrong answer'
    | 'no answer'
    | 'misdeed'
    | 'stores disagree';
  readonly detail: string;
  readonly task: TaskRecord | undefined;
  readonly observation?: Observation;
}

/** How long a change was not seen, in milliseconds, by what was asked with and without Watch. */
export interface Staleness {
  readonly watched: number;
  readonly unwatched: number;
}

/** Collects what is seen, and judges it as soon as the truth of that time is known. */
export interface Jury {
  observe(observation: Observation): void;
  accuse(violation: Violation): void;
  /** Reads the truth and judges what it reaches. */
  sit(): Promise<void>;
  readonly violations: readonly Violation[];
  readonly judged: { readonly watched: number; readonly unwatched: number; readonly writes: number };
  /** The longest that something was still allowed, and that something was not allowed yet. */
  readonly longest: { readonly allowed: Staleness; readonly denied: Staleness };
  /** What was seen of a task, oldest first. */
  seenOf(task: TaskRecord): readonly Observation[];
}

/** A transaction is known to all only a moment after the time that it is marked with. */
const MARGIN_MS = 1_000;

export function createJury(deps: OracleDeps & { readonly history: History; readonly model: Model }): Jury {
  const { history, model } = deps;
  const oracle = createOracle(deps);
  const violations: Violation[] = [];
  const byTask = new Map<TaskRecord, Observation[]>();
  const judgedWrites = new Set<Write>();
  const judged = { watched: 0, unwatched: 0, writes: 0 };
  const longest = { allowed: { watched: 0, unwatched: 0 }, denied: { watched: 0, unwatched: 0 } };
  let waiting: Observation[] = [];

  const judge = (observation: Observation): void => {
    const { verdict, staleMs, boundMs, lagMs, isWatched } = oracle.judge(observation);
    const watch = isWatched ? 'watched' : 'unwatched';
    judged[watch] += 1;
    const ofKind = longest[observation.isAllowed ? 'allowed' : 'denied'];
    ofKind[watch] = Math.max(ofKind[watch], staleMs);
    if (verdict === 'right') return;
    const { person, permission, task, rpc, replica, asked } = observation;
    const stale = Number.isFinite(staleMs) ? `${staleMs.toFixed(0)} ms after it was true` : 'and never was';
    const detail =
      `${rpc} on ${replica}: ${permission} on ${task.id} by its ${asked}, as ${person.user} of ${person.account}, ` +
      `${stale}; the bound was ${boundMs.toFixed(0)} ms and ${lagMs.toFixed(0)} ms of lag, ` +
      `${isWatched ? 'with' : 'without'} Watch`;
    violations.push({ what: verdict, detail, task, observation });
  };
  const judgeWrites = (untilMs: number): void => {
    for (const task of model.tasks.values()) {
      for (const write of task.writes) {
        if (write.endedMs > untilMs || judgedWrites.has(write)) continue;
        judgedWrites.add(write);
        if (write.code !== 'OK') continue;
        judged.writes += 1;
        const lost = findLost(task, write, history.livesOf(task.id));
        if (lost !== undefined) violations.push({ what: 'lost write', detail: `${task.id}: ${lost}`, task });
      }
    }
  };
  return {
    violations,
    judged,
    longest,
    observe(observation) {
      waiting.push(observation);
      const ofTask = byTask.get(observation.task);
      if (ofTask === undefined) byTask.set(observation.task, [observation]);
      else ofTask.push(observation);
    },
    accuse: (violation) => void violations.push(violation),
    async sit() {
      await history.refresh();
      const untilMs = history.untilMs - MARGIN_MS;
      const isDue = ({ answeredMs }: Observation): boolean => answeredMs <= untilMs;
      const due = waiting.filter(isDue);
      waiting = waiting.filter((observation) => !isDue(observation));
      for (const observation of due) judge(observation);
      judgeWrites(untilMs);
    },
    seenOf: (task) => byTask.get(task) ?? [],
  };
}
