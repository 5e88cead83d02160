/** The stores behind an answer. */
export const STORES = ['redis', 'database', 'spicedb'] as const;
export type Store = (typeof STORES)[number];

/** How a store fails; `ok` is the control. */
export const FAULTS = [
  'ok',
  'refused',
  'hung',
  'slow',
  'reset mid-reply',
  'wrong-shaped reply',
  'garbage',
  'overloaded',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What the truth is about what is asked. */
export const STATES = ['allow', 'deny', 'absent'] as const;
export type State = (typeof STATES)[number];

/** `warm`: the same was asked a moment before the fault. */
export const WARMTHS = ['cold', 'warm'] as const;
export type Warmth = (typeof WARMTHS)[number];

/** Every RPC, and what it looks up in the database: a child's parent, or a name. */
const LOOKUP_BY_RPC = {
  CheckTask: 'parent',
  BatchCheckTask: 'parent',
  FilterReadableTasks: 'parent',
  ListReadableTasks: 'nothing',
  RegisterResource: 'name',
  DeregisterResource: 'nothing',
  GrantRole: 'name',
  RevokeRole: 'name',
} as const;
export type Rpc = keyof typeof LOOKUP_BY_RPC;
export const RPCS = Object.keys(LOOKUP_BY_RPC) as readonly Rpc[];

export interface Cell {
  readonly rpc: Rpc;
  readonly state: State;
  readonly warmth: Warmth;
}

/** All cells of one store and fault. */
export const CELLS: readonly Cell[] = RPCS.flatMap((rpc) =>
  STATES.flatMap((state) => WARMTHS.map((warmth) => ({ rpc, state, warmth }))),
);

/** The kinds of outcome. `wrong` is everything that a fault must never become. */
export type OutcomeKind = 'right' | 'could not tell' | 'wrong';

/** An answer to a cell whose truth is known, in no RPC's terms. */
export type Answer = 'ALLOWED' | 'NOT_FOUND' | 'kept' | 'left out' | 'listed' | 'nothing to list' | 'written';

const RIGHT_ANSWERS: Readonly<Record<Rpc, Readonly<Record<State, Answer>>>> = {
  CheckTask: { allow: 'ALLOWED', deny: 'NOT_FOUND', absent: 'NOT_FOUND' },
  BatchCheckTask: { allow: 'ALLOWED', deny: 'NOT_FOUND', absent: 'NOT_FOUND' },
  FilterReadableTasks: { allow: 'kept', deny: 'left out', absent: 'left out' },
  ListReadableTasks: { allow: 'listed', deny: 'nothing to list', absent: 'nothing to list' },
  RegisterResource: { allow: 'written', deny: 'NOT_FOUND', absent: 'NOT_FOUND' },
  // What is not registered in the account is success: nobody learns whether it is in another.
  DeregisterResource: { allow: 'written', deny: 'written', absent: 'written' },
  GrantRole: { allow: 'written', deny: 'NOT_FOUND', absent: 'NOT_FOUND' },
  RevokeRole: { allow: 'written', deny: 'NOT_FOUND', absent: 'NOT_FOUND' },
};

/** What a cell answers while every store is well. */
export function rightAnswerOf({ rpc, state }: Cell): Answer {
  return RIGHT_ANSWERS[rpc][state];
}

/**
 * What may come of a cell while a store fails, and nothing else may:
 * - Redis only saves time, so that nothing changes.
 * - The database is needed for a parent or a name that is not in memory.
 * - SpiceDB is needed for everything. Answers are kept only while Watch is followed, and each of these faults ends that.
 */
export function expectedOf(store: Store, fault: Fault, { rpc, warmth }: Cell): Exclude<OutcomeKind, 'wrong'> {
  if (fault === 'ok') return 'right';
  switch (store) {
    case 'redis':
      return 'right';
    case 'database':
      return LOOKUP_BY_RPC[rpc] !== 'nothing' && warmth === 'cold' ? 'could not tell' : 'right';
    case 'spicedb':
      return 'could not tell';
    default:
      return store satisfies never;
  }
}
