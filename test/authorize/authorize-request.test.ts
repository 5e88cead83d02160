import { describe, expect, test, vi } from 'vitest';
import { createAuthorizeRequest } from '../../src/authorize/authorize-request.ts';
import type { CheckTask } from '../../src/authorize/check-task.ts';
import type {
  FindRoute,
  GatewayObserver,
  GatewayRequest,
  IdentifyPrincipal,
  RouteMatch,
} from '../../src/authorize/ports-gateway.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Decision, Outcome } from '../../src/domain/decision.ts';
import { FORBIDDEN, NOT_FOUND } from '../../src/domain/decision.ts';
import { DeadlineExceededError, UnavailableError } from '../../src/domain/errors.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { TaskCheck } from '../../src/domain/task-check.ts';

const ALICE: Principal = { kind: 'user', id: 'alice', account: 'acme' };
const CALL = { decisionId: 'd-1', caller: 'gateway', startedAtMs: 0 };
const CONTEXT = { signal: new AbortController().signal, deadlineAtMs: 1_000 };

function checkOf(type: string, id: string): TaskCheck {
  return {
    resource: { type, key: { kind: 'id', id } },
    operation: 'read',
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  };
}

function allowed(type: string, id: string): Decision {
  return { kind: 'ALLOWED', object: { type, id }, checkedAt: 'r' };
}

const decided = (decision: Decision): Outcome => ({ kind: 'decided', decision, reason: 'held' });
const failed = (error: UnavailableError): Outcome => ({ kind: 'failed', error });

const CHECK: RouteMatch = { kind: 'check', route: 'GET /tasks/{task_id}', check: checkOf('task', 't') };
const BOTH: RouteMatch = { ...CHECK, also: [checkOf('agent', 'a')] };

interface Given {
  readonly match?: RouteMatch;
  readonly identify?: IdentifyPrincipal;
  /** By type. */
  readonly outcomes?: Readonly<Record<string, Outcome | Promise<Outcome>>>;
  readonly extensions?: Readonly<Record<string, string>>;
}

function ask({
  match = CHECK,
  identify = () => ({ kind: 'principal', principal: ALICE }),
  outcomes = {},
  extensions,
}: Given) {
  const findRoute = vi.fn<FindRoute>(() => match);
  const identifyCalls = vi.fn(identify);
  const checkTask = vi.fn<CheckTask>(({ check }) => outcomes[check.resource.type] ?? decided(NOT_FOUND));
  const answered = vi.fn<GatewayObserver['answered']>();
  const told = vi.fn<GatewayObserver['failed']>();
  const request: GatewayRequest = {
    method: 'GET',
    target: '/tasks/t',
    headers: new Map(),
    body: { kind: 'unknown' },
    ...(extensions === undefined ? {} : { extensions: new Map(Object.entries(extensions)) }),
  };
  const authorize = createAuthorizeRequest({
    findRoute,
    identify: identifyCalls,
    checkTask,
    observer: { answered, failed: told },
  });
  const answer = (async () => authorize(request, CALL, CONTEXT))();
  return { answer, request, findRoute, identifyCalls, checkTask, answered, told };
}

const unauthenticated: IdentifyPrincipal = () => ({ kind: 'unauthenticated', reason: 'none' });

test('allows a public route without looking for a principal', async () => {
  const { answer, identifyCalls, checkTask } = ask({
    match: { kind: 'public', route: 'GET /healthz' },
    identify: unauthenticated,
  });
  expect(await answer).toEqual({ kind: 'allowed', principal: undefined });
  expect(identifyCalls).not.toHaveBeenCalled();
  expect(checkTask).not.toHaveBeenCalled();
});

test.each<[string, RouteMatch]>([
  ['no route', { kind: 'none' }],
  ['a malformed request', { kind: 'malformed', route: 'r', problem: 'p' }],
  ['a route for whoever is known', { kind: 'authenticated', route: 'r' }],
  ['a check', CHECK],
])('tells who is not known the same of %s', async (_, match) => {
  const { answer, checkTask, answered } = ask({ match, identify: unauthenticated });
  expect(await answer).toEqual({ kind: 'unauthenticated' });
  expect(checkTask).not.toHaveBeenCalled();
  expect(answered).toHaveBeenCalledExactlyOnceWith({ match, answer: 'unauthenticated', reason: 'none' });
});

test('answers without a check where there is none to make', async () => {
  expect(await ask({ match: { kind: 'none' } }).answer).toEqual({ kind: 'not_found' });
  expect(await ask({ match: { kind: 'authenticated', route: 'r' } }).answer).toEqual({
    kind: 'allowed',
    principal: ALICE,
  });
  const match: RouteMatch = { kind: 'malformed', route: 'r', problem: 'p' };
  const { answer, answered, checkTask } = ask({ match });
  expect(await answer).toEqual({ kind: 'malformed' });
  expect(answered).toHaveBeenCalledExactlyOnceWith({ match, answer: 'malformed', reason: 'p' });
  expect(checkTask).not.toHaveBeenCalled();
});

test('asks in the name of the principal, under the id of the call', async () => {
  const { answer, checkTask, identifyCalls, request } = ask({ outcomes: { task: decided(allowed('task', 't')) } });
  expect(await answer).toEqual({ kind: 'allowed', principal: ALICE, taskId: 't' });
  expect(identifyCalls).toHaveBeenCalledExactlyOnceWith(request, CONTEXT);
  expect(checkTask).toHaveBeenCalledExactlyOnceWith(
    { ...CALL, principal: ALICE, check: checkOf('task', 't') },
    CONTEXT,
  );
});

test.each<[string, Outcome, unknown]>([
  ['an object that is no task', decided(allowed('agent', 'a')), { kind: 'allowed', principal: ALICE }],
  ['no object', decided({ kind: 'ALLOWED', object: undefined, checkedAt: 'r' }), { kind: 'allowed', principal: ALICE }],
  ['what is hidden', decided(NOT_FOUND), { kind: 'not_found' }],
  ['what is forbidden', decided(FORBIDDEN), { kind: 'forbidden' }],
])('answers for %s', async (_, outcome, expected) => {
  expect(await ask({ outcomes: { task: outcome } }).answer).toEqual(expected);
  expect(await ask({ outcomes: { task: Promise.resolve(outcome) } }).answer).toEqual(expected);
});

test('throws what could not be told, and answers nothing', async () => {
  const error = new UnavailableError('spicedb');
  const late = new DeadlineExceededError();
  const faults: readonly (readonly [Given, Error])[] = [
    [{ outcomes: { task: failed(error) } }, error],
    [{ outcomes: { task: Promise.resolve(failed(error)) } }, error],
    [{ identify: async () => Promise.reject(late) }, late],
    [{ outcomes: { task: Promise.reject(late) } }, late],
  ];
  for (const [given, fault] of faults) {
    const { answer, answered, told } = ask(given);
    await expect(answer).rejects.toBe(fault);
    expect(answered).not.toHaveBeenCalled();
    expect(told).toHaveBeenCalledExactlyOnceWith(CHECK, fault);
  }
});

describe('of two checks', () => {
  const held = { task: decided(allowed('task', 't')), agent: decided(allowed('agent', 'a')) };
  const error = new UnavailableError('database');

  test.each<[string, Record<'task' | 'agent', Outcome>, unknown]>([
    ['both must hold', held, { kind: 'allowed', principal: ALICE, taskId: 't' }],
    ['the first may be hidden', { ...held, task: decided(NOT_FOUND) }, { kind: 'not_found' }],
    ['the second may be hidden', { ...held, agent: decided(NOT_FOUND) }, { kind: 'not_found' }],
    ['one may be forbidden', { ...held, agent: decided(FORBIDDEN) }, { kind: 'forbidden' }],
    ['hidden outweighs forbidden', { task: decided(FORBIDDEN), agent: decided(NOT_FOUND) }, { kind: 'not_found' }],
  ])('%s', async (_, outcomes, expected) => {
    const { answer, checkTask } = ask({ match: BOTH, outcomes });
    expect(await answer).toEqual(expected);
    expect(checkTask).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['and the other held', { ...held, agent: failed(error) }],
    ['and the other is hidden', { task: decided(NOT_FOUND), agent: failed(error) }],
    ['and the other is forbidden', { task: failed(error), agent: decided(FORBIDDEN) }],
  ])('one could not be told %s', async (_, outcomes) => {
    await expect(ask({ match: BOTH, outcomes }).answer).rejects.toBe(error);
  });
});

describe('what the configuration of a gateway says of its route', () => {
  const FULL = { 'taskgate.type': 'message', 'taskgate.id': 'm', 'taskgate.operation': 'update' };

  test('is checked in place of the table', async () => {
    const { answer, findRoute, checkTask } = ask({
      match: { kind: 'public', route: 'r' },
      extensions: FULL,
      outcomes: { message: decided(allowed('task', 't')) },
    });
    expect(await answer).toEqual({ kind: 'allowed', principal: ALICE, taskId: 't' });
    expect(findRoute).not.toHaveBeenCalled();
    expect(checkTask.mock.calls[0]?.[0].check).toEqual({ ...checkOf('message', 'm'), operation: 'update' });
  });

  test.each<[Record<string, string>, TaskCheck['resource']['key']]>([
    [
      { 'taskgate.type': 'task', 'taskgate.name': 'n', 'taskgate.operation': 'read' },
      { kind: 'name', name: 'n' },
    ],
    [{ 'taskgate.type': 'task', 'taskgate.id': '*', 'taskgate.operation': 'create' }, { kind: 'new' }],
    [
      { ...FULL, 'other.key': 'x' },
      { kind: 'id', id: 'm' },
    ],
  ])('names a resource: %j', async (extensions, key) => {
    const { answer, checkTask } = ask({ extensions });
    await answer;
    expect(checkTask.mock.calls[0]?.[0].check.resource.key).toEqual(key);
  });

  const { 'taskgate.type': _type, ...withoutType } = FULL;
  const { 'taskgate.id': _id, ...withoutId } = FULL;
  const { 'taskgate.operation': _operation, ...withoutOperation } = FULL;

  test.each<[string, Record<string, string>]>([
    ['without type', withoutType],
    ['without id', withoutId],
    ['without operation', withoutOperation],
    ['with id and name', { ...FULL, 'taskgate.name': 'n' }],
    ['with an empty type', { ...FULL, 'taskgate.type': '' }],
    ['with an empty id', { ...FULL, 'taskgate.id': '' }],
    ['with an empty name', { ...withoutId, 'taskgate.name': '' }],
    ['with an unknown operation', { ...FULL, 'taskgate.operation': 'READ' }],
    ['with a template', { ...FULL, 'taskgate.id': '{task_id}' }],
    ['with a part of a template', { ...withoutId, 'taskgate.name': 'x{y' }],
    ['with an unknown key', { ...FULL, 'taskgate.consistency': 'x' }],
    ['with nothing but a mistake', { 'taskgate.typ': 'task' }],
  ])('is malformed %s', async (_, extensions) => {
    const { answer, checkTask } = ask({ match: { kind: 'public', route: 'r' }, extensions });
    expect(await answer).toEqual({ kind: 'malformed' });
    expect(checkTask).not.toHaveBeenCalled();
    expect(await ask({ extensions, identify: unauthenticated }).answer).toEqual({ kind: 'unauthenticated' });
  });

  test.each([{}, { 'other.key': 'x' }, { taskgate: 'x' }])('is nothing in %j', async (extensions) => {
    const { answer, findRoute } = ask({ match: { kind: 'public', route: 'r' }, extensions });
    expect(await answer).toEqual({ kind: 'allowed', principal: undefined });
    expect(findRoute).toHaveBeenCalledOnce();
  });
});
