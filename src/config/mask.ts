/** What stands in for a secret in everything that is printed. */
export const MASK = '***';

const SECRET_PARAMETER = /pass|secret|token|key/i;

/** The URL with its password, and any parameter that could hold one, masked. Host, user and database stay. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return MASK;
  const url = new URL(text);
  const parameters = [...url.searchParams.keys()].filter((name) => SECRET_PARAMETER.test(name));
  if (url.password === '' && parameters.length === 0) return text;
  if (url.password !== '') url.password = MASK;
  for (const name of parameters) url.searchParams.set(name, MASK);
  return url.href;
}

/** True if a secret was replaced by `MASK`: the output of `taskgate config`, fed back in without its secrets. */
export function isMasked(text: string): boolean {
  if (text === MASK) return true;
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.password === MASK ||
    [...url.searchParams].some(([name, value]) => SECRET_PARAMETER.test(name) && value === MASK)
  );
}
