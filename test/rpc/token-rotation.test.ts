import { expect, it } from 'vitest';
import type { TestClient } from '../support/transports.ts';
import { bearer, createCallerClients } from '../support/caller-clients.ts';
import { newToken, toTokensFile } from '../support/callers-taskgate.ts';
import { callAny, requestsAbout } from '../support/every-rpc.ts';
import { createTestDirectory } from '../support/files.ts';
import { startTestTaskgate } from '../support/taskgate.ts';
import { waitUntil } from '../support/wait-until.ts';

const RELOAD = { what: 'a reload', timeoutMs: 15_000 };
const ROUNDS = 4;

/** Asks until it is stopped; the outcomes in order. */
function askAlways(clients: readonly TestClient[]): { outcomes: string[]; stop(): Promise<void> } {
  const outcomes: string[] = [];
  const stopping = new AbortController();
  const run = async (client: TestClient): Promise<void> => {
    while (!stopping.signal.aborted) outcomes.push(await ask(client));
  };
  const running = Promise.all(clients.map(run));
  return {
    outcomes,
    async stop() {
      stopping.abort();
      await running;
      for (const client of clients) await client[Symbol.asyncDispose]();
    },
  };
}

async function ask(client: TestClient): Promise<string> {
  const result = await callAny(client, 'checkTask', requestsAbout('task-1').checkTask, { timeoutMs: 15_000 });
  return result.kind === 'message' ? 'passed' : result.code;
}

it('rotates tokens under traffic: no call with a valid token fails, and a withdrawn one ends at once', async () => {
  await using files = await createTestDirectory();
  const write = async (...tokens: string[]): Promise<string> =>
    files.write(
      'tokens',
      toTokensFile([
        { name: 'steady', tokens: [steady], permissions: ['check'] },
        { name: 'rotating', tokens, permissions: ['check'] },
      ]),
    );
  const steady = newToken();
  let current = newToken();
  const path = await write(current);
  await using gate = await startTestTaskgate({
    yaml: `authentication: { tokens_file: ${path}, reload_interval_ms: 100 }`,
  });
  const clientsWith = (token: string) =>
    createCallerClients({ addresses: gate.addresses, authorization: bearer(token) });
  const reloads = () => gate.logged.filter((line) => line.includes('changed files are in use')).length;
  const always = askAlways(clientsWith(steady));

  for (let round = 1; round <= ROUNDS; round += 1) {
    const old = askAlways(clientsWith(current));
    const next = newToken();
    // Both hold while callers change over.
    await write(current, next);
    await waitUntil(() => (reloads() >= 2 * round - 1 ? true : undefined), RELOAD);
    const fresh = askAlways(clientsWith(next));
    await old.stop();
    await write(next);
    await waitUntil(() => (reloads() >= 2 * round ? true : undefined), RELOAD);
    for (const client of clientsWith(current)) {
      await using withdrawn = client;
      expect(await ask(withdrawn)).toBe('UNAUTHENTICATED');
    }
    await fresh.stop();
    for (const { outcomes } of [old, fresh]) {
      expect(outcomes.length).toBeGreaterThan(0);
      expect(new Set(outcomes)).toEqual(new Set(['passed']));
    }
    current = next;
  }
  await always.stop();
  expect(always.outcomes.length).toBeGreaterThan(ROUNDS);
  expect(new Set(always.outcomes)).toEqual(new Set(['passed']));
});

it('keeps the tokens of before when the file is broken or gone, says so once, and counts it', async () => {
  await using files = await createTestDirectory();
  const token = newToken();
  const path = await files.write('tokens', toTokensFile([{ name: 'a', tokens: [token], permissions: ['check'] }]));
  await using gate = await startTestTaskgate({
    yaml: `authentication: { tokens_file: ${path}, reload_interval_ms: 100 }`,
  });
  const clients = createCallerClients({ addresses: gate.addresses, authorization: bearer(token) });
  await files.write('tokens', `- { name: a, sha256: ${token}, permissions: [check] }`);
  const refused = () => gate.logged.filter((line) => line.includes('can not be used'));
  await waitUntil(() => (refused().length > 0 ? true : undefined), RELOAD);
  for (const client of clients) {
    await using kept = client;
    expect(await ask(kept)).toBe('passed');
  }

  expect(refused()).toHaveLength(1);
  expect(JSON.parse(refused()[0] ?? '')).toMatchObject({ level: 50, files: 'tokens' });
  expect(refused().join('')).not.toContain(token);
  const metrics = await (await fetch(`http://${gate.addresses.admin}/metrics`)).text();
  expect(metrics).toContain('taskgate_reloads_total{files="tokens",outcome="refused"} 1');
});
