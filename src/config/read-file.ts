/** The file's text. Throws if it can't be read. */
export type ReadFile = (path: string) => string;

/** The system's code only: its message holds the path, in whose place a secret may stand by mistake. */
export function toReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? ` (${code})` : '';
}
