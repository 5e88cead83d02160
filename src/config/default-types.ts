import type { TypeSettingsInput } from './settings-schema.ts';

/**
 * The types of DESIGN.md §2, in the shape of the YAML. A type of the same name in `types` replaces one whole, or,
 * if it has `rows` alone, adds them; `null` removes it.
 */
export const DEFAULT_TYPES: Readonly<Record<string, TypeSettingsInput>> = {
  task: {
    registered: true,
    table: 'tasks',
    id: 'id',
    name: 'name',
    tenant_relation: 'tenant',
    owner_relation: 'owner',
    parent: { relation: 'parent', type: 'agent', operation: 'execute' },
    roles: { owner: 'owner', editor: 'editor', viewer: 'viewer', executor: 'executor' },
    operations: {
      create: 'tenant.create_task',
      read: 'read',
      update: 'update',
      delete: 'delete',
      execute: 'execute',
      cancel: 'cancel',
      share: 'share',
    },
  },
  agent: {
    registered: true,
    table: 'agents',
    id: 'id',
    name: 'name',
    tenant_relation: 'tenant',
    owner_relation: 'owner',
    roles: { owner: 'owner', editor: 'editor', viewer: 'viewer', executor: 'executor' },
    operations: {
      create: 'tenant.create_agent',
      read: 'read',
      update: 'update',
      delete: 'delete',
      execute: 'execute',
      share: 'share',
    },
  },
  // A key's name is unique for its agent only, so it is no name to look up by.
  api_key: {
    registered: true,
    table: 'api_keys',
    id: 'id',
    tenant_relation: 'tenant',
    owner_relation: 'owner',
    parent: { relation: 'parent', type: 'agent', operation: 'execute' },
    roles: { owner: 'owner', editor: 'editor', viewer: 'viewer' },
    operations: { create: 'tenant.create_api_key', read: 'read', update: 'update', delete: 'delete', share: 'share' },
  },
  schedule: {
    registered: true,
    table: 'schedules',
    id: 'id',
    tenant_relation: 'tenant',
    owner_relation: 'owner',
    parent: { relation: 'parent', type: 'agent', operation: 'execute' },
    roles: { owner: 'owner', editor: 'editor', viewer: 'viewer', executor: 'executor' },
    operations: {
      create: 'tenant.create_schedule',
      read: 'read',
      update: 'update',
      delete: 'delete',
      execute: 'execute',
      cancel: 'cancel',
      share: 'share',
    },
  },
  message: {
    table: 'messages',
    id: 'id',
    parents: { task: 'task_id' },
    operations: { read: 'task.read', create: 'task.update', update: 'task.update', delete: 'task.update' },
  },
  state: {
    table: 'states',
    id: 'id',
    parents: { task: 'task_id' },
    operations: { read: 'task.read', create: 'task.update', update: 'task.update', delete: 'task.delete' },
  },
  tracker: {
    table: 'agent_task_tracker',
    id: 'id',
    parents: { task: 'task_id' },
    operations: { read: 'task.read', update: 'task.execute', execute: 'task.execute' },
  },
  event: {
    table: 'events',
    id: 'id',
    parents: { agent: 'agent_id', task: 'task_id' },
    operations: { read: 'agent.read', create: 'task.update' },
  },
  // A checkpoint's thread id is the task's id: there is nothing to look up.
  checkpoint: {
    same_id_as: 'task',
    operations: { read: 'task.read', update: 'task.update', delete: 'task.delete' },
  },
};
