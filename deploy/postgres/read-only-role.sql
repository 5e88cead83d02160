-- The role that taskgate reads parents with: it sees the columns that tie a row to its parent, and nothing else.
-- Adapt the tables to your configuration (deploy/taskgate.yaml, `types`), then: psql -f read-only-role.sql

CREATE ROLE taskgate LOGIN PASSWORD NULL; -- then: \password taskgate
ALTER ROLE taskgate SET default_transaction_read_only = on;

GRANT SELECT (id, name) ON agents TO taskgate;
GRANT SELECT (id, name) ON tasks TO taskgate;
GRANT SELECT (id, task_id) ON messages TO taskgate;
GRANT SELECT (id, task_id) ON states TO taskgate;
GRANT SELECT (id, agent_id, task_id) ON events TO taskgate;
GRANT SELECT (id, agent_id, task_id) ON agent_task_tracker TO taskgate;

-- The role of `taskgate reconcile` and `taskgate backfill`: the ids of registered types, and the columns that `types.*.rows`
-- of the configuration names. What serves has no need of them.
CREATE ROLE taskgate_reconcile LOGIN PASSWORD NULL; -- then: \password taskgate_reconcile
ALTER ROLE taskgate_reconcile SET default_transaction_read_only = on;

GRANT SELECT (id, account_id, agent_id, created_by_service, task_metadata, deleted_at) ON tasks TO taskgate_reconcile;
GRANT SELECT (id, account_id, created_by) ON agents TO taskgate_reconcile;
GRANT SELECT (id) ON api_keys TO taskgate_reconcile;
GRANT SELECT (id) ON schedules TO taskgate_reconcile;
