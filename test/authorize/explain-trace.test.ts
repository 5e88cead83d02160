import { describe, expect, it } from 'vitest';
import { closedGatesOf, grantsOf, isBare, isUntold, missingGrantsOf } from '../../src/authorize/explain-trace.ts';
import type { TraceNode } from '../../src/authorize/ports-explain.ts';

function node(name: string, changes: Partial<TraceNode> = {}): TraceNode {
  return {
    objectType: 'task',
    objectId: 'task-1',
    name,
    isRelation: true,
    subject: 'user:alice',
    result: 'denied',
    caveat: undefined,
    wasCached: false,
    durationMs: 0,
    children: [],
    ...changes,
  };
}

/** SpiceDB does not say of what it had in its cache whether it is a relation. */
const CACHED = { isRelation: false, wasCached: true } as const;
const permission = (result: TraceNode['result'], ...children: TraceNode[]): TraceNode =>
  node('read', { isRelation: false, result, children });

describe('what SpiceDB had in its cache', () => {
  it('is no relation where it is the permission that was asked', () => {
    const root = node('read', { ...CACHED, result: 'held' });
    expect([grantsOf(root), isUntold(root)]).toEqual([[], true]);
    const denied = node('read', CACHED);
    expect([missingGrantsOf(denied), isUntold(denied), isBare(denied)]).toEqual([[], true, false]);
  });

  it('is one below it', () => {
    const held = permission('held', node('owner', { ...CACHED, result: 'held' }), node('editor', CACHED));
    expect([grantsOf(held), isUntold(held)]).toEqual([['task:task-1#owner@user:alice'], false]);
    const denied = permission('denied', node('owner', CACHED), node('editor'));
    expect(missingGrantsOf(denied)).toEqual(['task:task-1#owner', 'task:task-1#editor']);
  });

  it('is no reason for a denial where another relation of the same object holds', () => {
    const member = node('member', { ...CACHED, objectType: 'tenant', objectId: 'acme' });
    const root = permission('denied', node('owner', { ...CACHED, result: 'held' }), node('editor', CACHED), member);
    expect(missingGrantsOf(root)).toEqual(['tenant:acme#member']);
    expect(closedGatesOf(root)).toEqual(['acme']);
  });
});

it('a gate whose caveat denies is open', () => {
  const caveat = { name: 'same_account', expression: 'a == b', result: 'false', context: {} } as const;
  const member = node('member', { objectType: 'tenant', objectId: 'acme', caveat });
  expect(closedGatesOf(permission('denied', node('owner', { result: 'held' }), member))).toEqual([]);
});
