import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AGENTEX_SECRET, createAgentexClient, toApiKeysFile } from '../test/support/agentex.ts';
import { createBodyFile } from './support/check-request.ts';
import { h2load } from './support/h2load.ts';
import { startPinned } from './support/processes.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
const REQUESTS = 40_000;
const CONNECTIONS = 64;
const MIN_RATIO = 0.8;
const PATH = '/v1/authz/check';

/** Warm checks as AgentEx asks them, over HTTP/1.1 with kept connections, beside an empty handler of node:http. */
export async function measureAgentexCheck(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using apiKeys = await createBodyFile(toApiKeysFile());
  await using body = await createBodyFile('');
  await using reference = await startPinned<{ http: string }>(
    fileURLToPath(new URL('empty-http-handler.ts', import.meta.url)),
  );
  await using taskgate = await startTaskgate(stores, {
    config: JSON.stringify({
      principals: { api_keys_file: apiKeys.path },
      agentex: { signing_keys: [{ id: 'bench', secret: AGENTEX_SECRET }] },
    }),
  });
  const agentex = createAgentexClient(taskgate.ready.http);
  const check = {
    principal: await agentex.principalOf('alice'),
    resource: { type: 'task', selector: 'task-1' },
    operation: 'read',
  };
  await writeFile(body.path, JSON.stringify(check));
  const assertAllowed = async (): Promise<void> => {
    const { status } = await agentex.post('check', check);
    if (status !== 200) throw new Error(`the warm check was answered ${status}`);
  };
  const load = { path: PATH, bodyFile: body.path, connections: CONNECTIONS, streams: 1, protocol: 'connect' } as const;
  const rate = async (target: string): Promise<number> => h2load({ ...load, target, requests: REQUESTS });

  await assertAllowed();
  await rate(reference.ready.http);
  await rate(taskgate.ready.http);
  const rates = await measureInTurn({
    name: 'warm AgentEx check, calls/s',
    rounds: ROUNDS,
    theirs: async () => rate(reference.ready.http),
    ours: async () => rate(taskgate.ready.http),
  });
  await assertAllowed();
  return [
    {
      work: `warm AgentEx check of a task, HTTP/1.1, one core: ${spread(rates.ours, 0)} calls/s`,
      reference: `empty node:http handler, same bodies: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATIO }),
    },
  ];
}
