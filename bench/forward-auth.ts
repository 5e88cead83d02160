import { fileURLToPath } from 'node:url';
import { gatewayYaml } from '../test/support/gateway.ts';
import { h2load } from './support/h2load.ts';
import { startPinned } from './support/processes.ts';
import { judgeRatio, measureInTurn } from './support/rounds.ts';
import type { BenchRow } from './support/row.ts';
import { spread } from './support/statistics.ts';
import type { BenchStores } from './support/stores.ts';
import { startTaskgate } from './support/taskgate.ts';

const ROUNDS = 5;
/** Seconds of each: in a shorter time, what else runs on the machine is what is measured. */
const REQUESTS = 120_000;
const CONNECTIONS = 64;
const MIN_RATIO = 0.8;
const PATH = '/forward-auth';
/** What a gateway sends for a browser's request, and what the door reads. */
const HEADERS = [
  'x-forwarded-method: GET',
  'x-forwarded-uri: /tasks/task-1',
  'x-forwarded-for: 192.0.2.1',
  'x-forwarded-host: application.example',
  'x-forwarded-proto: https',
  'x-user-id: alice',
  'x-account-id: acme',
  'accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'accept-language: en-GB,en;q=0.5',
  'cookie: session=0123456789abcdef',
];

/** The door over HTTP/1.1 with kept connections, warm, beside an empty handler of the same HTTP server. */
export async function measureForwardAuth(stores: BenchStores): Promise<readonly BenchRow[]> {
  await using reference = await startPinned<{ http: string }>(
    fileURLToPath(new URL('empty-get-handler.ts', import.meta.url)),
  );
  await using door = await startTaskgate(stores, { config: gatewayYaml({ gateway: { forward_auth: {} } }) });
  const load = { protocol: 'http', path: PATH, headers: HEADERS, connections: CONNECTIONS, streams: 1 } as const;
  const rate = async (target: string): Promise<number> => h2load({ ...load, target, requests: REQUESTS });

  await assertAllowed(door.ready.http);
  await rate(reference.ready.http);
  await rate(door.ready.http);
  const rates = await measureInTurn({
    name: 'forward-auth, calls/s',
    rounds: ROUNDS,
    theirs: async () => rate(reference.ready.http),
    ours: async () => rate(door.ready.http),
  });
  await assertAllowed(door.ready.http);
  return [
    {
      work: `warm forward-auth of a task, HTTP/1.1, one core: ${spread(rates.ours, 0)} calls/s`,
      reference: `empty node:http handler, same requests: ${spread(rates.theirs, 0)} calls/s`,
      ...judgeRatio(rates.ratios, { atLeast: MIN_RATIO }),
    },
  ];
}

async function assertAllowed(address: string): Promise<void> {
  const headers = HEADERS.map((header): [string, string] => {
    const [name = '', value = ''] = header.split(/: (.*)/s);
    return [name, value];
  });
  const { status } = await fetch(`http://${address}${PATH}`, { headers });
  if (status !== 200) throw new Error(`forward-auth does not allow: ${status}`);
}
