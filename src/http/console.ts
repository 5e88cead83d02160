import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestHandler } from './http-server.ts';

/** Where the console is on the admin listener. */
export const CONSOLE_PATH = '/console';

const FILES = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'api.js': 'text/javascript; charset=utf-8',
  'dom.js': 'text/javascript; charset=utf-8',
  'explain.js': 'text/javascript; charset=utf-8',
  'graph.js': 'text/javascript; charset=utf-8',
  'decisions.js': 'text/javascript; charset=utf-8',
  'state.js': 'text/javascript; charset=utf-8',
  'latency.js': 'text/javascript; charset=utf-8',
} as const;

/** Nothing from elsewhere, nothing inline, no frame, no form that is sent. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

interface StaticFile {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/**
 * Serves the console's files, read once. They hold no data: all that the console shows it asks of the admin RPCs.
 *
 * @throws Error if a file is missing.
 */
export function createConsole({ fallback }: { readonly fallback: RequestHandler }): RequestHandler {
  const files = new Map<string, StaticFile>();
  for (const [name, type] of Object.entries(FILES)) {
    const body = readFileSync(new URL(`console/${name}`, import.meta.url));
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    files.set(name === 'index.html' ? `${CONSOLE_PATH}/` : `${CONSOLE_PATH}/${name}`, { type, body, etag });
  }
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const file = files.get(path);
    if (path === CONSOLE_PATH && isRead) {
      response.writeHead(308, { location: `${CONSOLE_PATH}/`, ...HEADERS }).end();
    } else if (file === undefined) {
      fallback(request, response);
    } else if (!isRead) {
      response.writeHead(405, { allow: 'GET, HEAD', ...HEADERS }).end();
    } else if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304, { etag: file.etag, ...HEADERS }).end();
    } else {
      response.writeHead(200, { 'content-type': file.type, etag: file.etag, ...HEADERS }).end(file.body);
    }
  };
}
