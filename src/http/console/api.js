// The admin RPCs, as JSON. The token is kept for this tab alone, and goes into no URL and no cookie.

const KEY = 'taskgate-token';
const TIMEOUT_MS = 10_000;

/** The token is missing, wrong, or lacks the permission. */
export class SignInError extends Error {}

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

/** Calls a method of taskgate.admin.v1.AdminService. Throws SignInError, or Error with words to show. */
export async function call(method, request) {
  const token = sessionStorage.getItem(KEY);
  let response;
  try {
    response = await fetch(`/taskgate.admin.v1.AdminService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(request),
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Error('taskgate does not answer');
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const message = body.message ?? `taskgate answers ${response.status}`;
  throw body.code === 'unauthenticated' || (body.code === 'permission_denied' && token !== null)
    ? new SignInError(message)
    : new Error(message);
}
