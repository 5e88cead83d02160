import type { ReportConflict } from './problem-list.ts';

/** The file's text. Throws if it can't be read. */
export type ReadFile = (path: string) => string;

/** The system's code only: its message holds the path, in whose place a secret may stand by mistake. */
export function toReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? ` (${code})` : '';
}

/** Reads the file that a setting names; reports it and returns undefined if it can't be read. */
export function readSetting(
  key: string,
  path: string,
  { readFile, report }: { readonly readFile: ReadFile; readonly report: ReportConflict },
): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    report([key], `can not be read${toReason(error)}`);
    return undefined;
  }
}
