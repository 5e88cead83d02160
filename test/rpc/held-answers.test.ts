import { describe, expect, test } from 'vitest';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { useAllTransports } from '../support/all-transports.ts';
import { ask } from '../support/check-requests.ts';
import { TRANSPORT_NAMES } from '../support/transports.ts';

const gates = useAllTransports();
/** What is hidden is told no sooner, if somebody had to be asked. */
const HOLD_MS = 5;
let asked = 0;

describe.each(TRANSPORT_NAMES)('over %s', (transport) => {
  test.each([
    ['a denied message', 'message', 'msg-1'],
    ['an absent message', 'message', ''],
    ['a denied task', 'task', 'task-1'],
    ['an absent task', 'task', ''],
  ])('%s that nobody has asked about is held', async (_, type, id) => {
    asked += 1;
    // Nobody has asked for this principal, or about this id.
    const request = ask(`stranger-${asked}`, type, id === '' ? `none-${asked}` : id, Operation.READ);
    const startedAtMs = performance.now();
    const outcome = await gates().client(transport).call(AuthorizationService.method.checkTask, request);
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(HOLD_MS);
    expect(outcome).toMatchObject({ kind: 'message', message: { decision: Decision.NOT_FOUND } });
  });
});
