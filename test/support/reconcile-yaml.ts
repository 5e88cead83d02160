import { DEFAULT_TYPES } from '../../src/config/default-types.ts';

/** The default types, with tasks and agents that say whom they belong to. */
export const RECONCILE_YAML = `types:
  task: ${JSON.stringify({
    ...DEFAULT_TYPES['task'],
    rows: {
      owner: { user: "task_metadata->>'created_by_user_id'", service_account: 'created_by_service' },
      account: 'account_id',
      parent: 'agent_id',
      where: 'deleted_at IS NULL',
    },
  })}
  agent: ${JSON.stringify({ ...DEFAULT_TYPES['agent'], rows: { owner: { user: 'created_by' }, account: 'account_id' } })}
`;
