-- The rows that the documentation and `taskgate demo` talk about. sample-data.ts holds who may do what.

INSERT INTO agents (id, name, account_id, created_by) VALUES
  ('agent-1', 'report-writer', 'acme', 'alice'),
  ('agent-9', 'globex-bot', 'globex', 'mallory')
ON CONFLICT DO NOTHING;

-- task-5 is a row that nobody has registered.
INSERT INTO tasks (id, name, account_id, agent_id, task_metadata) VALUES
  ('task-1', 'quarterly-report', 'acme', 'agent-1', '{"created_by_user_id": "alice"}'),
  ('task-5', 'never-registered', 'acme', 'agent-1', '{"created_by_user_id": "alice"}'),
  ('task-9', 'globex-secret', 'globex', 'agent-9', '{"created_by_user_id": "mallory"}')
ON CONFLICT DO NOTHING;

-- msg-orphan hangs off a task whose row is gone.
INSERT INTO messages (id, task_id) VALUES
  ('msg-1', 'task-1'),
  ('msg-5', 'task-5'),
  ('msg-9', 'task-9'),
  ('msg-orphan', 'task-gone')
ON CONFLICT DO NOTHING;

INSERT INTO states (id, task_id, agent_id) VALUES ('state-1', 'task-1', 'agent-1') ON CONFLICT DO NOTHING;

INSERT INTO events (id, agent_id, task_id) VALUES ('event-1', 'agent-1', 'task-1') ON CONFLICT DO NOTHING;

INSERT INTO agent_task_tracker (id, agent_id, task_id, last_processed_event_id) VALUES
  ('tracker-1', 'agent-1', 'task-1', 'event-1')
ON CONFLICT DO NOTHING;

INSERT INTO checkpoints (thread_id, checkpoint_id) VALUES ('task-1', 'checkpoint-1') ON CONFLICT DO NOTHING;
