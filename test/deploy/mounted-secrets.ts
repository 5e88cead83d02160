import { readFileSync } from 'node:fs';

const TLS = new URL('../fixtures/tls/', import.meta.url);

/** What stands for the keys of Secrets that are mounted as files. */
export const MOUNTED_SECRETS: Readonly<Record<string, string>> = {
  'tokens.yaml': `- { name: main-api, sha256: ${'0f'.repeat(32)}, permissions: [check, filter, write] }\n`,
  'tls.crt': readFileSync(new URL('server-cert.pem', TLS), 'utf8'),
  'tls.key': readFileSync(new URL('server-key.pem', TLS), 'utf8'),
};

/** What a probe runs in the image, before the arguments of taskgate. */
export const TASKGATE_COMMAND = ['/nodejs/bin/node', '--max-old-space-size=32', '/app/dist/main.js'];
