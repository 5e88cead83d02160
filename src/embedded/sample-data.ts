import { readFileSync } from 'node:fs';
import type { Relationship, RelationshipObject } from '../authorize/ports.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';

/** The tables of an application of the AgentEx shape. Runs on PGlite and on Postgres alike, and again without effect. */
export function loadSampleTables(): string {
  return readFileSync(new URL('sample-tables.sql', import.meta.url), 'utf8');
}

/** The rows behind `SAMPLE_RELATIONSHIPS`, for those tables. Runs again without effect. */
export function loadSampleRows(): string {
  return readFileSync(new URL('sample-rows.sql', import.meta.url), 'utf8');
}

/**
 * Two accounts. In `acme`, alice owns `agent-1` and `task-1`, bob edits both, carol views the task, and dave has no role.
 * In `globex`, mallory owns `agent-9` and `task-9`. `task-5` is not here: it is a row that nobody registered.
 */
export const SAMPLE_RELATIONSHIPS: readonly Relationship[] = [
  ...accountMembers('acme'),
  ...accountMembers('globex'),
  belongsTo(resource('agent', 'agent-1'), 'acme'),
  hasRole(resource('agent', 'agent-1'), 'owner', 'alice'),
  hasRole(resource('agent', 'agent-1'), 'editor', 'bob'),
  belongsTo(resource('agent', 'agent-9'), 'globex'),
  hasRole(resource('agent', 'agent-9'), 'owner', 'mallory'),
  belongsTo(resource('task', 'task-1'), 'acme'),
  hasParent(resource('task', 'task-1'), resource('agent', 'agent-1')),
  hasRole(resource('task', 'task-1'), 'owner', 'alice'),
  hasRole(resource('task', 'task-1'), 'editor', 'bob'),
  hasRole(resource('task', 'task-1'), 'viewer', 'carol'),
  belongsTo(resource('task', 'task-9'), 'globex'),
  hasParent(resource('task', 'task-9'), resource('agent', 'agent-9')),
  hasRole(resource('task', 'task-9'), 'owner', 'mallory'),
];

function accountMembers(account: string): readonly Relationship[] {
  return PRINCIPAL_KINDS.map((principalKind) => ({
    object: { kind: 'tenant', account },
    relation: 'member',
    subject: { kind: 'account_members', principalKind, account },
  }));
}

function belongsTo(object: RelationshipObject, account: string): Relationship {
  return { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account } } };
}

function hasParent(object: RelationshipObject, parent: RelationshipObject): Relationship {
  return { object, relation: 'parent', subject: { kind: 'object', object: parent } };
}

function hasRole(object: RelationshipObject, role: string, user: string): Relationship {
  return { object, relation: role, subject: { kind: 'principal', principalKind: 'user', id: user } };
}

function resource(type: string, id: string): RelationshipObject {
  return { kind: 'resource', type, id };
}
