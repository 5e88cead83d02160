import { AuthorizationService, Decision } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { item, user } from '../support/check-requests.ts';
import { createGrpcClient } from '../support/transports.ts';
import type { Violation } from './find-violations.ts';
import type { AppRow } from './protocol.ts';
import type { Sidecar } from './sidecar.ts';
import type { Truth } from './truth.ts';

const MAX_BATCH_SIZE = 1_000;

/** Asks taskgate whether each row's owner may read it: what is repaired must also be decided. */
export async function findDenied({ addresses }: Sidecar, { rows }: Truth): Promise<readonly Violation[]> {
  await using client = createGrpcClient('gRPC', addresses.grpc);
  const byOwner = Map.groupBy(rows.values(), ({ owner, account }) => `${owner} of ${account}`);
  const violations: Violation[] = [];
  for (const owned of [...byOwner.values()].flatMap(chunked)) {
    const [first] = owned;
    if (first === undefined) continue;
    const checks = owned.map(({ type, id }) => item(type, id));
    const request = { principal: user(first.owner, first.account), checks };
    const outcome = await client.call(AuthorizationService.method.batchCheckTask, request);
    if (outcome.kind === 'error') throw new Error(`the owner's checks: ${outcome.code} ${outcome.message}`);
    for (const [index, { id }] of owned.entries()) {
      const result = outcome.message.results[index]?.outcome;
      if (result?.case === 'answer' && result.value.decision === Decision.ALLOWED) continue;
      violations.push({ what: 'denied to its owner', id, detail: JSON.stringify(result?.value) });
    }
  }
  return violations;
}

function chunked(rows: readonly AppRow[]): readonly (readonly AppRow[])[] {
  return Array.from({ length: Math.ceil(rows.length / MAX_BATCH_SIZE) }, (_, at) =>
    rows.slice(at * MAX_BATCH_SIZE, (at + 1) * MAX_BATCH_SIZE),
  );
}
