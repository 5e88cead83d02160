import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

/** A database that a test has to itself. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** Creates a database on the server at `serverUrl` and runs the scripts in it. Dropped on disposal. */
export async function createTestDatabase(serverUrl: string, scripts: readonly string[] = []): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  for (const script of scripts) await execute(url.href, script);
  return { url: url.href, [Symbol.asyncDispose]: async () => execute(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Runs a script on a connection of its own. */
export async function execute(url: string, script: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(script);
  } finally {
    await client.end();
  }
}
