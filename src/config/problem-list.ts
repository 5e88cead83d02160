import type { ConfigProblem } from './problem.ts';
import { isWithin } from './problem.ts';

/** Takes note of a problem of the first key with the others. */
export type ReportConflict = (keys: readonly [string, ...string[]], message: string) => void;

/** The problems found so far, and the ways to add to them. */
export interface ProblemList {
  readonly problems: readonly ConfigProblem[];
  /** The keys whose value could not be used, so that a default may stand in its place. */
  readonly brokenKeys: readonly string[];
  /** For a value that can't be used. The first problem of each key is kept. */
  readonly reportValue: (key: string, message: string) => void;
  /** For what does not go together. Dropped if one of the keys, or what is above or below it, is broken. */
  readonly reportConflict: ReportConflict;
}

/** `found`: what is wrong with the tree already. `origins`: key → the variable that its value came from. */
export function createProblemList(found: readonly ConfigProblem[], origins: ReadonlyMap<string, string>): ProblemList {
  const problems = [...found];
  const brokenKeys = found.map(({ path }) => path);
  const add = (key: string, message: string): void => {
    problems.push({ path: origins.get(key) ?? key, message });
  };
  return {
    problems,
    brokenKeys,
    reportValue: (key, message) => {
      if (brokenKeys.includes(key)) return;
      brokenKeys.push(key);
      add(key, message);
    },
    reportConflict: (keys, message) => {
      const isBroken = keys.some((key) => brokenKeys.some((broken) => isWithin(broken, key) || isWithin(key, broken)));
      if (!isBroken) add(keys[0], message);
    },
  };
}
