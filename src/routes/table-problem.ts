/** One thing that is wrong with the table. Never holds an id or a name that was read. */
export interface TableProblem {
  /** Where, from the list of routes: `[3, 'check', 'type']`. */
  readonly path: readonly PropertyKey[];
  /** What is wrong, and where it helps, what would be right. */
  readonly message: string;
  /** The configured type that it depends on: where that is broken, this may be no problem. */
  readonly type?: string;
}

/** Takes note of a problem below the place that it was made for. */
export type ReportAt = (path: readonly PropertyKey[], message: string, type?: string) => void;
