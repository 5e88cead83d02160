import { describe, expect, it } from 'vitest';
import { planCheck } from '../../src/authorize/plan-check.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { TaskCheck } from '../../src/domain/task-check.ts';
import type { CheckRule, ResourceType, TypeModel } from '../../src/domain/type-model.ts';

const self = (permission: string): CheckRule => ({ kind: 'self', permission });
const parent = (parentType: string, permission: string): CheckRule => ({ kind: 'parent', parentType, permission });

function type(
  name: string,
  options: Partial<ResourceType>,
  rules: Partial<Record<Operation, CheckRule>>,
): ResourceType {
  const entries = Object.entries(rules) as [Operation, CheckRule][];
  return { name, registered: false, named: false, ...options, rules: new Map(entries) };
}

const types: TypeModel = new Map(
  [
    type(
      'task',
      { registered: true, named: true },
      { create: { kind: 'tenant', permission: 'create_task' }, read: self('read'), delete: self('delete') },
    ),
    type('agent', { registered: true, named: true }, { read: self('read') }),
    type('event', {}, { read: parent('agent', 'read'), create: parent('task', 'update') }),
    type('message', {}, { read: parent('task', 'read'), update: parent('task', 'update') }),
  ].map((entry) => [entry.name, entry]),
);
const options = { types, consistencyByOperation: new Map([['delete' as const, FULLY_CONSISTENT]]) };

function check(fields: Partial<TaskCheck> & Pick<TaskCheck, 'resource' | 'operation'>): TaskCheck {
  return { consistency: MINIMIZE_LATENCY, createIfAbsent: false, ...fields };
}
const id = (typeName: string, value: string) => ({ type: typeName, key: { kind: 'id' as const, id: value } });
const name = (typeName: string, value: string) => ({ type: typeName, key: { kind: 'name' as const, name: value } });

describe('planCheck', () => {
  it('asks a registered type on itself, without a lookup', () => {
    expect(planCheck(check({ resource: id('task', 't'), operation: 'read' }), options)).toMatchObject({
      objectType: 'task',
      source: { kind: 'known', id: 't' },
      permission: 'read',
    });
  });

  it('asks a child on its parent, by a lookup', () => {
    expect(planCheck(check({ resource: id('message', 'm'), operation: 'update' }), options)).toMatchObject({
      objectType: 'task',
      source: { kind: 'lookup', key: { type: 'message', by: 'id', value: 'm', parentType: 'task' } },
      permission: 'update',
      readPermission: 'read',
    });
  });

  it('resolves a name to the id of the same type', () => {
    expect(planCheck(check({ resource: name('task', 'n'), operation: 'read' }), options)).toMatchObject({
      source: { kind: 'lookup', key: { type: 'task', by: 'name', value: 'n', parentType: 'task' } },
    });
  });

  it('reveals nothing where reading is decided on another object than the operation', () => {
    const plan = planCheck(check({ resource: id('event', 'e'), operation: 'create' }), options);
    expect(plan).toMatchObject({ objectType: 'task', permission: 'update', readPermission: undefined });
  });

  it.each(['read', 'delete'] as const)('uses the stronger consistency of deployment and caller for %s', (operation) => {
    const configured = planCheck(check({ resource: id('task', 't'), operation }), options).consistency;
    expect(configured).toEqual(operation === 'delete' ? FULLY_CONSISTENT : MINIMIZE_LATENCY);
    const asked = check({ resource: id('task', 't'), operation, consistency: FULLY_CONSISTENT });
    expect(planCheck(asked, options).consistency).toEqual(FULLY_CONSISTENT);
  });

  it('asks for create too with create_if_absent', () => {
    const plan = planCheck(check({ resource: name('task', 'n'), operation: 'read', createIfAbsent: true }), options);
    expect(plan).toMatchObject({ permission: 'read', createPermission: 'create_task' });
  });

  it.each<[string, TaskCheck, string]>([
    ['an unknown type', check({ resource: id('invoice', 'i'), operation: 'read' }), 'resource.type'],
    ['an operation without a rule', check({ resource: id('message', 'm'), operation: 'cancel' }), 'operation'],
    [
      'create_if_absent where creating is not configured',
      check({ resource: name('agent', 'n'), operation: 'read', createIfAbsent: true }),
      'create_if_absent',
    ],
    ['a name of a type without names', check({ resource: name('event', 'n'), operation: 'read' }), 'resource.name'],
  ])('refuses %s', (_, asked, field) => {
    expect(() => planCheck(asked, options)).toThrow(expect.objectContaining({ field }));
  });
});
