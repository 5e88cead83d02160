/** One thing that is wrong with the configuration. Never holds a value: any value may be a secret. */
export interface ConfigProblem {
  /** The key (`types.message.parents.task`), or the environment variable that the value came from. */
  readonly path: string;
  /** What is wrong, and where it helps, what would be right. */
  readonly message: string;
}

/** Takes note of a problem. */
export type ReportProblem = (path: string, message: string) => void;

const PLAIN_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_QUOTED_KEY_LENGTH = 64;

/** `['redis', 'signing_keys', 0, 'id']` → `redis.signing_keys[0].id`. Keys that are not plain words are quoted. */
export function toKeyPath(segments: readonly PropertyKey[]): string {
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'number') {
      path += `[${segment}]`;
      continue;
    }
    const key = String(segment);
    const shown = PLAIN_KEY.test(key) ? key : JSON.stringify(key.slice(0, MAX_QUOTED_KEY_LENGTH));
    path += path === '' ? shown : `.${shown}`;
  }
  return path;
}

/** True if `path` is `ancestor` or a key below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}.`) || path.startsWith(`${ancestor}[`);
}

/** The problems as lines to print, ending in a newline. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [`The configuration has ${count}:`, ...problems.map(({ path, message }) => `  ${path}: ${message}`), ''].join(
    '\n',
  );
}
