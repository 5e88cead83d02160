import { expect, test } from 'vitest';
import { createFilterReadableTasks } from '../../src/authorize/filter-readable-tasks.ts';
import { gateLists } from '../../src/authorize/gate-lists.ts';
import type { ListEvent, ListReadableTasks, ListRequest } from '../../src/authorize/list-readable-tasks.ts';
import type { CallContext } from '../../src/authorize/ports.ts';
import type { RolloutObserver } from '../../src/authorize/ports-rollout.ts';
import type { ListRecord } from '../../src/authorize/ports-list-log.ts';
import { recordLists } from '../../src/authorize/record-list.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Outcome } from '../../src/domain/decision.ts';
import { NOT_FOUND } from '../../src/domain/decision.ts';
import type { TaskgateError } from '../../src/domain/errors.ts';
import { CancelledError, InvalidArgumentError, UnavailableError } from '../../src/domain/errors.ts';
import type { Enforcement } from '../../src/domain/rollout.ts';
import { callContext } from '../support/spicedb.ts';

const NO_OBSERVER: RolloutObserver = {
  answered: () => {},
  compared: () => {},
  dropped: () => {},
  writeSkipped: () => {},
  flagFaulted: () => {},
  flagRecovered: () => {},
};
const CALL = { decisionId: 'decision-1', caller: 'api', startedAtMs: 5, traceId: undefined };
const PRINCIPAL = { kind: 'user', id: 'alice', account: 'acme' } as const;
const REQUEST: ListRequest = {
  ...CALL,
  principal: PRINCIPAL,
  operation: 'read',
  pageSize: 2,
  position: undefined,
  consistency: MINIMIZE_LATENCY,
};

const PAGES: readonly ListEvent[] = [
  { kind: 'page', taskIds: ['a', 'b'], position: { afterId: 'b', snapshot: 'at-1' } },
  { kind: 'page', taskIds: ['c'], position: { afterId: 'c', snapshot: 'at-1' } },
];

function listing(events: readonly ListEvent[], error?: Error): ListReadableTasks {
  return async function* list() {
    yield* events;
    if (error !== undefined) throw error;
  };
}

/** Takes at most so many events, and tells what was given and what was recorded. */
async function take(
  list: ListReadableTasks,
  {
    most = 10,
    request = REQUEST,
    context = callContext(),
  }: { readonly most?: number; readonly request?: ListRequest; readonly context?: CallContext } = {},
) {
  const records: ListRecord[] = [];
  const given: string[] = [];
  const thrown = await (async () => {
    for await (const event of recordLists(list, { record: (record) => void records.push(record) })(request, context)) {
      expect(records).toEqual([]);
      given.push(event.kind);
      if (given.length === most) break;
    }
    return undefined;
  })().catch((error: unknown) => error);
  return { records, given, thrown };
}

test('a list is recorded once, when it is complete: how many, and none of them', async () => {
  const { records, given } = await take(listing([...PAGES, { kind: 'complete' }]));
  expect(given).toEqual(['page', 'page', 'complete']);
  expect(records).toEqual([
    {
      ...CALL,
      method: 'list',
      principal: PRINCIPAL,
      types: ['task'],
      operation: 'read',
      outcome: 'LISTED',
      reason: 'decided',
      listed: 3,
      revision: 'at-1',
      flags: [],
    },
  ]);
});

test('one that breaks is an error, with what was given before', async () => {
  const error = new UnavailableError('spicedb');
  const { records, thrown } = await take(listing(PAGES, error));
  expect(thrown).toBe(error);
  expect(records).toMatchObject([{ outcome: 'ERROR', reason: 'UnavailableError', listed: 3, flags: [] }]);
  const { records: defects } = await take(listing([], new TypeError('of ours')));
  expect(defects).toMatchObject([{ outcome: 'ERROR', reason: 'InternalError', listed: 0 }]);
});

test('one whose reader leaves says so', async () => {
  const { records } = await take(listing([...PAGES, { kind: 'complete' }]), { most: 1 });
  expect(records).toMatchObject([{ outcome: 'LISTED', listed: 2, flags: ['stopped'] }]);
});

test('one whose call ended before it is an error, and none if it had been told whole', async () => {
  const context = callContext({ signal: AbortSignal.abort(new CancelledError()) });
  const { records } = await take(listing([...PAGES, { kind: 'complete' }]), { most: 1, context });
  expect(records).toMatchObject([{ outcome: 'ERROR', reason: 'CancelledError', listed: 2, flags: [] }]);
  const { records: told } = await take(listing([{ kind: 'complete' }]), { most: 1, context });
  expect(told).toMatchObject([{ outcome: 'LISTED', flags: [] }]);
});

test('whoever stops at "unscoped" has been told all', async () => {
  const { records } = await take(listing([{ kind: 'unscoped' }, { kind: 'complete' }]), { most: 1 });
  expect(records).toMatchObject([{ outcome: 'LISTED', listed: 0, flags: ['unscoped'] }]);
});

test('says which question it was', async () => {
  const request: ListRequest = {
    ...REQUEST,
    type: 'agent',
    position: { afterId: 'a', snapshot: 'at-0' },
    consistency: FULLY_CONSISTENT,
  };
  const { records } = await take(listing([{ kind: 'complete' }]), { request });
  expect(records).toMatchObject([{ types: ['agent'], revision: 'at-0', flags: ['fully_consistent', 'continued'] }]);
});

test.each<[string, Enforcement, boolean, Partial<ListRecord>]>([
  ['in shadow', 'shadow', false, { reason: 'unenforced', flags: ['enforcement=shadow', 'unscoped'] }],
  ['off', 'off', false, { reason: 'unenforced', flags: ['enforcement=off', 'unscoped'] }],
  ['bypassed', 'enforce', true, { reason: 'bypassed', flags: ['enforcement=enforce', 'bypass', 'unscoped'] }],
  ['enforced', 'enforce', false, { reason: 'decided', listed: 3, flags: [] }],
])('says what the rollout did: %s', async (_, enforcement, bypassed, expected) => {
  const gated = gateLists(
    {
      listReadableTasks: listing([...PAGES, { kind: 'complete' }]),
      gates: { enforcesAll: false, enforcement: () => enforcement, dualWrite: () => 'on' },
      observer: NO_OBSERVER,
    },
    {
      types: new Map([
        [
          'task',
          {
            name: 'task',
            registered: true,
            named: false,
            rules: new Map([['read', { kind: 'self', permission: 'read' }]]),
          },
        ],
      ]),
      offAnswer: 'allow',
      isBypassed: () => bypassed,
    },
  );
  expect((await take(gated)).records).toMatchObject([{ outcome: 'LISTED', ...expected }]);
});

const EVIDENCE = { parent: 'memory', relationships: 'cache', checkedAt: 'at-1' } as const;
const ALLOWED: Outcome = {
  kind: 'decided',
  decision: { kind: 'ALLOWED', object: undefined, checkedAt: 'at-1' },
  reason: 'held',
  evidence: EVIDENCE,
};
const DENIED: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'absent', evidence: EVIDENCE };
const UNENFORCED: Outcome = {
  kind: 'decided',
  decision: ALLOWED.decision,
  reason: 'unenforced',
  rollout: { enforcement: 'shadow', legacy: undefined, shadow: undefined },
};
const failed = (error: TaskgateError): Outcome => ({ kind: 'failed', error });

test.each<[string, readonly Outcome[], Partial<ListRecord>]>([
  ['what was decided', [ALLOWED, DENIED], { outcome: 'LISTED', reason: 'decided', listed: 1, revision: 'at-1' }],
  [
    'two revisions as none',
    [ALLOWED, { ...DENIED, evidence: { ...EVIDENCE, checkedAt: 'at-2' } }],
    { listed: 1, revision: undefined },
  ],
  [
    'an account that is not enforced',
    [UNENFORCED, UNENFORCED],
    { reason: 'unenforced', listed: 2, revision: undefined, flags: ['enforcement=shadow'] },
  ],
  [
    'types of which one is not enforced',
    [UNENFORCED, DENIED],
    { reason: 'decided', listed: 1, flags: ['enforcement=shadow'] },
  ],
  [
    'what could not be told',
    [ALLOWED, failed(new UnavailableError('database'))],
    { outcome: 'ERROR', reason: 'UnavailableError' },
  ],
  [
    'what makes no sense',
    [failed(new InvalidArgumentError('resource.type', 'is not known')), ALLOWED],
    { outcome: 'ERROR', reason: 'InvalidArgumentError' },
  ],
  ['too few outcomes', [ALLOWED], { outcome: 'ERROR', reason: 'InternalError' }],
])('a filter is recorded once: %s', async (_, outcomes, expected) => {
  const records: ListRecord[] = [];
  const filter = createFilterReadableTasks({
    decideChecks: async () => outcomes,
    listLog: { record: (record) => void records.push(record) },
  });
  const resources = ['one', 'two'].map((id) => ({ type: 'message', key: { kind: 'id', id } as const }));
  const { pageSize: __, position: ___, ...question } = REQUEST;
  await filter({ ...question, resources }, callContext()).catch(() => undefined);
  expect(records).toMatchObject([
    { ...CALL, method: 'filter', principal: PRINCIPAL, types: ['message'], asked: 2, ...expected },
  ]);
  expect(records[0] && 'listed' in records[0]).toBe(expected.outcome !== 'ERROR');
  expect(JSON.stringify(records)).not.toMatch(/"(?:one|two)"/);
});
