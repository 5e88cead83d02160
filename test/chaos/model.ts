import type { Random } from '../support/random.ts';
import type { Person, RoleName } from './people.ts';

/** What a write is to make of a task's relationships. */
export type Effect =
  | { readonly kind: 'register' | 'deregister' }
  | { readonly kind: 'grant' | 'revoke'; readonly role: RoleName; readonly user: string };

/** One call that writes, from when it is sent. Times are milliseconds since the epoch. */
export interface Write {
  readonly effect: Effect;
  /** Which process of which replica it was sent to. */
  readonly process: string;
  readonly sentMs: number;
  endedMs: number;
  /** `OK` is an acknowledgement; any other code may have written or not, at any time since. */
  code: string;
  /** The revision that came with the acknowledgement. */
  token: string | undefined;
}

/** A task that the application has asked for, and everything that it has done to it. Ids are never given again. */
export interface TaskRecord {
  readonly id: string;
  readonly name: string;
  readonly messages: readonly string[];
  readonly creator: Person;
  readonly writes: Write[];
  /** When the rows came and went; undefined: not yet. */
  readonly rows: {
    insertSentMs: number | undefined;
    insertedMs: number | undefined;
    deleteSentMs: number | undefined;
  };
  /** One thing at a time is done to a task. */
  isBusy: boolean;
  /** The application has given up on it, or has yet to finish: nothing more is done to it while faults last. */
  isUnfinished: boolean;
}

/** All that the application knows. */
export interface Model {
  readonly tasks: ReadonlyMap<string, TaskRecord>;
  /** The application's agents never change, so that a refused register is never right. */
  plan(creator: Person): TaskRecord;
  /** Tasks whose rows are there. */
  standing(): readonly TaskRecord[];
  /** A standing one that nobody is at, which from now on the caller is. */
  lease(random: Random): TaskRecord | undefined;
  /** Those that were changed last, latest first. */
  readonly hot: readonly TaskRecord[];
  touched(task: TaskRecord): void;
}

const MESSAGES_PER_TASK = 3;
const MAX_HOT = 8;

export function createModel(): Model {
  const tasks = new Map<string, TaskRecord>();
  let hot: readonly TaskRecord[] = [];
  const standing = (): readonly TaskRecord[] => [...tasks.values()].filter(isStanding);
  return {
    tasks,
    plan(creator) {
      const number = tasks.size + 1;
      const id = `chaos-task-${number}`;
      const task: TaskRecord = {
        id,
        name: `chaos-name-${number}`,
        messages: Array.from({ length: MESSAGES_PER_TASK }, (_, at) => `chaos-message-${number}-${at}`),
        creator,
        writes: [],
        rows: { insertSentMs: undefined, insertedMs: undefined, deleteSentMs: undefined },
        isBusy: true,
        isUnfinished: false,
      };
      tasks.set(id, task);
      return task;
    },
    standing,
    lease(random) {
      const free = standing().filter(({ isBusy, isUnfinished }) => !isBusy && !isUnfinished);
      if (free.length === 0) return undefined;
      const leased = random.pick(free);
      leased.isBusy = true;
      return leased;
    },
    get hot() {
      return hot;
    },
    touched(task) {
      hot = [task, ...hot.filter((other) => other !== task)].slice(0, MAX_HOT);
    },
  };
}

export function isStanding({ rows }: TaskRecord): boolean {
  return rows.insertedMs !== undefined && rows.deleteSentMs === undefined;
}

/** The latest write that was acknowledged. */
export function lastAcknowledged({ writes }: TaskRecord): Write | undefined {
  return writes.findLast(({ code }) => code === 'OK');
}
