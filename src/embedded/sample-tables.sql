-- The tables of an application of the AgentEx shape, as far as authorization reads them. What hangs off a task points to
-- it without a foreign key, as it does where children live in another store: a parent may be gone.

CREATE TABLE IF NOT EXISTS agents (
  id text PRIMARY KEY,
  name text NOT NULL UNIQUE,
  status text NOT NULL DEFAULT 'Ready',
  account_id text,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS tasks (
  id text PRIMARY KEY,
  name text UNIQUE,
  status text NOT NULL DEFAULT 'RUNNING',
  account_id text,
  agent_id text,
  created_by_service text,
  task_metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

CREATE TABLE IF NOT EXISTS api_keys (
  id text PRIMARY KEY,
  agent_id text NOT NULL,
  name text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (agent_id, name)
);

CREATE TABLE IF NOT EXISTS schedules (
  id text PRIMARY KEY,
  agent_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS messages (
  id text PRIMARY KEY,
  task_id text NOT NULL,
  content jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS messages_task_id ON messages (task_id);

CREATE TABLE IF NOT EXISTS states (
  id text PRIMARY KEY,
  task_id text NOT NULL,
  agent_id text NOT NULL,
  state jsonb NOT NULL DEFAULT '{}',
  UNIQUE (task_id, agent_id)
);

CREATE TABLE IF NOT EXISTS events (
  id text PRIMARY KEY,
  agent_id text NOT NULL,
  task_id text NOT NULL,
  sequence_id bigint GENERATED ALWAYS AS IDENTITY,
  content jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS events_task_id ON events (task_id);

CREATE TABLE IF NOT EXISTS agent_task_tracker (
  id text PRIMARY KEY,
  agent_id text NOT NULL,
  task_id text NOT NULL,
  last_processed_event_id text,
  status text NOT NULL DEFAULT 'RUNNING',
  UNIQUE (agent_id, task_id)
);

-- thread_id is the id of the task.
CREATE TABLE IF NOT EXISTS checkpoints (
  thread_id text NOT NULL,
  checkpoint_ns text NOT NULL DEFAULT '',
  checkpoint_id text NOT NULL,
  checkpoint jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
