import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import type { EmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { startEmbeddedSpiceDb } from '../../src/embedded/embedded-spicedb.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbOptions } from '../../src/relationships/spicedb-client.ts';
import { callContext, loadSchema, SYSTEM_CLOCK, taskCheck } from '../support/spicedb.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

let engine: EmbeddedSpiceDb;
let terminator: Server;
let endpoint: string;
beforeAll(async () => {
  engine = await startEmbeddedSpiceDb({ schema: loadSchema() });
  const identity = { cert: readFileSync(fixture('server-cert.pem')), key: readFileSync(fixture('server-key.pem')) };
  terminator = createServer({ ...identity, ALPNProtocols: ['h2'] }, (client) => {
    const upstream = connect(engine.endpoint.slice('unix:'.length));
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  terminator.on('tlsClientError', () => undefined);
  await once(terminator, 'listening');
  const address = terminator.address();
  endpoint = `localhost:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(async () => {
  terminator.close();
  await engine.close();
});

async function check(options: Partial<SpiceDbOptions>): Promise<string | undefined> {
  const chain = createRelationshipChain(
    { clock: SYSTEM_CLOCK },
    { spiceDb: { endpoint, token: 'a-token', timeoutMs: 2_000, ...options } },
  );
  try {
    await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
    const { results } = await chain.relationships.check([taskCheck('task-1')], FULLY_CONSISTENT, callContext());
    return results[0]?.kind;
  } finally {
    chain.close();
  }
}

test('reaches SpiceDB over TLS with the authority of the file', async () => {
  expect(await check({ tls: { caFile: fixture('server-cert.pem') } })).toBe('held');
});

test.each<[string, Partial<SpiceDbOptions>]>([
  ["the system's authorities do not vouch for", { tls: {} }],
  ['is spoken to in clear text', {}],
])('never asks a server that %s', async (_, options) => {
  await expect(check(options)).rejects.toThrow(UnavailableError);
});

test('says which file it could not read', async () => {
  await expect(check({ tls: { caFile: fixture('no-such-file.pem') } })).rejects.toThrow(/no-such-file\.pem/);
});
