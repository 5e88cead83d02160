/** What the application is told, one JSON line each on its standard input. */
export type Command = CreateCommand | DeleteCommand | CancelCommand;

/** The types of resources that the application has. */
export type AppType = 'task' | 'agent';

/** A row of the application, as its tables hold it. */
export interface AppRow {
  readonly type: AppType;
  readonly id: string;
  readonly owner: string;
  readonly account: string;
  /** The agent that a task is made for; an agent has none. */
  readonly parent: string | undefined;
}

export interface CreateCommand {
  readonly kind: 'create';
  /** Names the operation in marks and answers. */
  readonly key: string;
  readonly row: AppRow;
  /** Unique; one that is taken makes the INSERT fail. */
  readonly name: string;
  /** False: only the row is written, as before dual-write was turned on. */
  readonly isRegistered: boolean;
  /** Milliseconds that the application is busy with something else between two steps. */
  readonly pauseMs: number;
}

export interface DeleteCommand {
  readonly kind: 'delete';
  readonly key: string;
  readonly row: AppRow;
  readonly pauseMs: number;
}

/** Whoever asked for the operation is gone. */
export interface CancelCommand {
  readonly kind: 'cancel';
  readonly key: string;
}

/** Where an operation is, told when it gets there. The order is the one in which an operation passes through. */
export const CREATE_STEPS = [
  'asked to create',
  'registering',
  'registered',
  'inserting',
  'inserted',
  'compensating',
  'compensated',
] as const;
export const DELETE_STEPS = ['asked to delete', 'deleting', 'deleted', 'deregistering', 'deregistered'] as const;

export type Step = (typeof CREATE_STEPS)[number] | (typeof DELETE_STEPS)[number];

/** What the application says, one JSON line each on its standard output. `done` and `failed` are its answers. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly key: string; readonly step: Step }
  | { readonly kind: 'done'; readonly key: string }
  | { readonly kind: 'failed'; readonly key: string; readonly reason: string };

/** Mistakes that an application could make, for showing that this test would find them. */
export const APPLICATION_MUTANTS = [
  /** The answer comes before the row is there. */
  'answer-before-insert',
  /** The relationships go before the row does. */
  'deregister-before-delete',
  /** The answer comes before the row is gone. */
  'answer-before-delete',
  /** The parent is in the row only. */
  'forget-parent',
] as const;

export type ApplicationMutant = (typeof APPLICATION_MUTANTS)[number];
