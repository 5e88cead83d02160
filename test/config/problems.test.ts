import { expect, test } from 'vitest';
import type { Environment } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { expectProblems, expectValid, load, SIGNING_SECRET, toDeps } from './support.ts';

const KEYS = `signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }]`;
const REDIS = `url: redis://localhost, ${KEYS}`;

const UNAUTHENTICATED = 'callers are not authenticated, so whoever reaches it could ask as any principal';
const SPICEDB_NAME_RULE = 'must be 3 to 64 of a-z, 0-9 and _, starting with a letter and not ending with _';

/** YAML → the problems, all of them. */
test.each<[string, ...string[]]>([
  // Leaves: each key that has a range or a format.
  [
    'listeners: { grpc: { address: nowhere } }',
    'listeners.grpc.address: must be host:port, [ipv6]:port or unix:/path (absolute, at most 107 bytes)',
  ],
  [
    'listeners: { grpc: { address: "unix:relative" } }',
    'listeners.grpc.address: must be host:port, [ipv6]:port or unix:/path (absolute, at most 107 bytes)',
  ],
  [
    'listeners: { grpc: { socket_mode: 0660 } }',
    'listeners.grpc.socket_mode: must be octal permissions in quotes without any for others, such as "0660"',
  ],
  [
    'listeners: { grpc: { socket_mode: "0666" } }',
    'listeners.grpc.socket_mode: must be octal permissions in quotes without any for others, such as "0660"',
  ],
  [
    'listeners: { http: { address: "unix:/run/x" } }',
    'listeners.http.address: must be host:port or [ipv6]:port, with a port up to 65535',
  ],
  [
    'listeners: { admin: { address: "localhost:70000" } }',
    'listeners.admin.address: must be host:port or [ipv6]:port, with a port up to 65535',
  ],
  [
    'authzen: { policy_decision_point: "http://pdp.example.com" }',
    'authzen.policy_decision_point: must be an https:// URL without user, query or fragment',
  ],
  [
    'authzen: { policy_decision_point: "https://pdp.example.com/a?b" }',
    'authzen.policy_decision_point: must be an https:// URL without user, query or fragment',
  ],
  [
    'authzen: { policy_decision_point: "https://user@pdp.example.com" }',
    'authzen.policy_decision_point: must be an https:// URL without user, query or fragment',
  ],
  ['authzen: { types: { doc: Doc } }', `authzen.types.doc: ${SPICEDB_NAME_RULE}; a prefix ends with /`],
  ['authzen: { actions: { GET: GET } }', `authzen.actions.GET: ${SPICEDB_NAME_RULE}`],
  ['authzen: { searched_actions: [] }', 'authzen.searched_actions: must be a list of names of actions'],
  ['authzen: { max_page_size: 0 }', 'authzen.max_page_size: must be a whole number from 1 to 10000'],
  [
    'gateway: { forward_auth: { request_headers: x-real-uri, denied_status: 401 } }',
    'gateway.forward_auth.request_headers: must be one of forwarded, original',
    'gateway.forward_auth.denied_status: must be one of 404, 403',
  ],
  ['spicedb: { timeout_ms: 0 }', 'spicedb.timeout_ms: must be a whole number from 1 to 60000'],
  ['spicedb: { timeout_ms: "1000" }', 'spicedb.timeout_ms: must be a whole number from 1 to 60000'],
  ['spicedb: { timeout_ms: .nan }', 'spicedb.timeout_ms: must be a whole number from 1 to 60000'],
  ['spicedb: { timeout_ms: 1000.5 }', 'spicedb.timeout_ms: must be a whole number from 1 to 60000'],
  ['spicedb: { sentinels: 1025 }', 'spicedb.sentinels: must be a whole number from 2 to 1024'],
  ['spicedb: { tls: { enabled: "yes" } }', 'spicedb.tls.enabled: must be true or false'],
  ['spicedb: { tls: { ca_file: /ca.pem } }', 'spicedb.tls.ca_file: has no effect without spicedb.tls.enabled: true'],
  ['database: { pool_size: 1001 }', 'database.pool_size: must be a whole number from 1 to 1000'],
  ['database: { connect_timeout_ms: -1 }', 'database.connect_timeout_ms: must be a whole number from 1 to 60000'],
  ['database: { timeout_ms: 1e400 }', 'database.timeout_ms: must be a whole number from 1 to 60000'],
  ['database: { max_queue: 10001 }', 'database.max_queue: must be a whole number from 0 to 10000'],
  ['spicedb: { retry_ratio: 1.1 }', 'spicedb.retry_ratio: must be a number from 0 to 1'],
  ['breakers: { failure_ratio: 0 }', 'breakers.failure_ratio: must be a number from 0.01 to 1'],
  ['breakers: { min_calls: 0 }', 'breakers.min_calls: must be a whole number from 1 to 10000'],
  ['breakers: { window_ms: 99 }', 'breakers.window_ms: must be a whole number from 100 to 600000'],
  ['breakers: { open_ms: 9 }', 'breakers.open_ms: must be a whole number from 10 to 60000'],
  ['breakers: { max_open_ms: 600001 }', 'breakers.max_open_ms: must be a whole number from 10 to 600000'],
  ['parents: { memory_max_entries: 0 }', 'parents.memory_max_entries: must be a whole number from 1 to 10000000'],
  ['parents: { found_ttl_ms: 999 }', 'parents.found_ttl_ms: must be a whole number from 1000 to 86400000'],
  ['parents: { absent_ttl_ms: 60001 }', 'parents.absent_ttl_ms: must be a whole number from 1 to 60000'],
  ['parents: { name_ttl_ms: 60001 }', 'parents.name_ttl_ms: must be a whole number from 1 to 60000'],
  ['parents: { jitter: 0.51 }', 'parents.jitter: must be a number from 0 to 0.5'],
  ['limits: { default_timeout_ms: 0 }', 'limits.default_timeout_ms: must be a whole number from 1 to 600000'],
  ['limits: { max_timeout_ms: 600001 }', 'limits.max_timeout_ms: must be a whole number from 1 to 600000'],
  ['limits: { max_message_bytes: 67108865 }', 'limits.max_message_bytes: must be a whole number from 1024 to 67108864'],
  ['limits: { max_batch_size: 1001 }', 'limits.max_batch_size: must be a whole number from 1 to 1000'],
  ['limits: { max_concurrent_calls: 65537 }', 'limits.max_concurrent_calls: must be a whole number from 1 to 65536'],
  ['limits: { max_queued_calls: -1 }', 'limits.max_queued_calls: must be a whole number from 0 to 65536'],
  [
    'limits: { max_calls_per_connection: 0 }',
    'limits.max_calls_per_connection: must be a whole number from 1 to 65536',
  ],
  ['limits: { max_connections: 0 }', 'limits.max_connections: must be a whole number from 1 to 65536'],
  ['limits: { max_header_bytes: 1023 }', 'limits.max_header_bytes: must be a whole number from 1024 to 262144'],
  ['limits: { max_receiving_bytes: 1 }', 'limits.max_receiving_bytes: must be a whole number from 1024 to 1073741824'],
  ['limits: { request_timeout_ms: 99 }', 'limits.request_timeout_ms: must be a whole number from 100 to 600000'],
  ['limits: { idle_timeout_ms: 999 }', 'limits.idle_timeout_ms: must be a whole number from 1000 to 86400000'],
  ['shutdown: { drain_delay_ms: 300001 }', 'shutdown.drain_delay_ms: must be a whole number from 0 to 300000'],
  ['shutdown: { grace_ms: ~ }', 'shutdown.grace_ms: must be a whole number from 0 to 600000'],
  ['denials: { reveal_readable: 1 }', 'denials.reveal_readable: must be true or false'],
  [
    'gateway: { identity_headers: { task_id: X-Task } }',
    'gateway.identity_headers.task_id: must be the name of a header in lower case, and none that HTTP itself needs',
  ],
  [
    'gateway: { identity_headers: { account_id: host } }',
    'gateway.identity_headers.account_id: must be the name of a header in lower case, and none that HTTP itself needs',
  ],
  ['gateway: { ext_authz: { sends_bodies: 1 } }', 'gateway.ext_authz.sends_bodies: must be true or false'],
  ['gateway: { ext_authz: { claims_key: "" } }', 'gateway.ext_authz.claims_key: must be text that is not empty'],
  [
    'gateway: { identity_headers: { task_id: x-one, account_id: x-one } }',
    'gateway.identity_headers.task_id: is the name of gateway.identity_headers.account_id too',
  ],
  ['denials: { hidden_window_ms: 10 }', 'denials.hidden_window_ms: must be a whole number from 1000 to 3600000'],
  ['consistency: { read: strong }', 'consistency.read: must be one of minimize_latency, fully_consistent'],
  ['log: { level: loud }', 'log.level: must be one of trace, debug, info, warn, error, fatal'],
  ['log: { format: xml }', 'log.format: must be one of auto, json, pretty'],

  // Addresses that anyone could reach, and addresses that are taken.
  [
    'listeners: { grpc: { address: "0.0.0.0:50051" } }',
    `listeners.grpc.address: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`,
  ],
  [
    'listeners: { grpc: { address: "[::]:50051" } }',
    `listeners.grpc.address: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`,
  ],
  [
    'listeners: { http: { address: "example.com:80" } }',
    `listeners.http.address: must be a loopback address: ${UNAUTHENTICATED}`,
  ],
  [
    'listeners: { http: { address: "128.0.0.1:80" } }',
    `listeners.http.address: must be a loopback address: ${UNAUTHENTICATED}`,
  ],
  [
    'listeners: { http: { address: "127.0.0.1:50051" } }',
    'listeners.http.address: is the address of listeners.grpc.address too',
  ],
  [
    'listeners: { admin: { address: "0.0.0.0:8080" } }',
    'listeners.admin.address: is the address of listeners.http.address too',
  ],

  // Redis.
  [
    'redis: { url: "redis://localhost" }',
    `redis.signing_keys: is required with Redis, so that whoever can write Redis can not re-parent a child: set TASKGATE_REDIS_SIGNING_SECRET (for example to the output of: openssl rand -hex 32), or signing_keys: [{id: key1, secret: "\${NAME}"}]`,
  ],
  ['redis: { url: "redis://localhost", signing_keys: [] }', 'redis.signing_keys: must be a list of {id, secret}'],
  [
    'redis: { url: "redis://localhost", signing_keys: [{ id: a, secret: short }] }',
    'redis.signing_keys[0].secret: must be at least 32 characters',
  ],
  [
    'redis: { url: "redis://localhost", signing_keys: [{ id: a }] }',
    'redis.signing_keys[0].secret: must be at least 32 characters',
  ],
  [
    `redis: { url: "redis://localhost", signing_keys: [{ id: A, secret: ${SIGNING_SECRET} }] }`,
    'redis.signing_keys[0].id: must be 1 to 32 of a-z, 0-9, _ and -',
  ],
  [
    `redis: { url: "redis://localhost", signing_keys: [{ id: a, secret: ${SIGNING_SECRET} }, { id: a, secret: ${SIGNING_SECRET} }] }`,
    'redis.signing_keys[1].id: is the id of an earlier key too',
  ],
  [
    'redis: { url: "redis://localhost", signing_keys: [key] }',
    'redis.signing_keys[0]: must be a mapping with id and secret',
  ],
  [`redis: { url: "http://localhost", ${KEYS} }`, 'redis.url: must be a URL that starts with redis:// or rediss://'],
  [`redis: { ${KEYS} }`, 'redis.url: is required with redis.mode single'],
  [`redis: { mode: ring, ${REDIS} }`, 'redis.mode: must be one of single, sentinel, cluster'],
  [
    `redis: { mode: sentinel, ${KEYS} }`,
    'redis.sentinels: is required with redis.mode sentinel',
    'redis.master_name: is required with redis.mode sentinel',
  ],
  [
    `redis: { mode: cluster, ${REDIS} }`,
    'redis.url: goes with redis.mode single, not with cluster',
    'redis.nodes: is required with redis.mode cluster',
  ],
  [
    `redis: { mode: cluster, nodes: [host], ${KEYS} }`,
    'redis.nodes[0]: must be host:port or [ipv6]:port, with a port from 1 to 65535',
  ],
  [
    `redis: { mode: cluster, nodes: ["host:1", "host:0"], ${KEYS} }`,
    'redis.nodes[1]: must be host:port or [ipv6]:port, with a port from 1 to 65535',
  ],
  [`redis: { mode: cluster, nodes: "host:1", ${KEYS} }`, 'redis.nodes: must be a list of host:port'],
  [`redis: { ${REDIS}, timeout_ms: 10001 }`, 'redis.timeout_ms: must be a whole number from 1 to 10000'],
  [`redis: { ${REDIS}, key_prefix: "a b" }`, 'redis.key_prefix: must be 1 to 64 of A-Z, a-z, 0-9 and _ . : -'],
  [
    `redis: { url: "rediss://localhost", tls: false, ${KEYS} }`,
    'redis.tls: is false, but redis.url starts with rediss://',
  ],
  [
    `redis: { url: "redis://u:p@localhost", username: u, password: p, ${KEYS} }`,
    'redis.username: is in redis.url too: set it once',
    'redis.password: is in redis.url too: set it once',
  ],

  // Budgets: each pair that does not nest.
  [
    `redis: { ${REDIS}, timeout_ms: 500 }`,
    'redis.timeout_ms: must be less than database.timeout_ms (500 is not less than 500)',
  ],
  [
    'database: { timeout_ms: 1000 }',
    'database.timeout_ms: must be less than spicedb.timeout_ms (1000 is not less than 1000)',
  ],
  [
    'spicedb: { timeout_ms: 2001 }',
    'spicedb.timeout_ms: must be less than limits.default_timeout_ms (2001 is not less than 2000)',
  ],
  [
    'limits: { max_timeout_ms: 1999 }',
    'limits.default_timeout_ms: must be at most limits.max_timeout_ms (2000 is more than 1999)',
  ],
  [
    'limits: { max_receiving_bytes: 4194303 }',
    'limits.max_message_bytes: must be at most limits.max_receiving_bytes (4194304 is more than 4194303)',
  ],
  [
    'database: { connect_timeout_ms: 501 }',
    'database.connect_timeout_ms: must be at most database.timeout_ms (501 is more than 500)',
  ],
  ['breakers: { open_ms: 2001 }', 'breakers.open_ms: must be at most breakers.max_open_ms (2001 is more than 2000)'],
  [
    `{ redis: { ${REDIS}, timeout_ms: 50 }, database: { timeout_ms: 40 }, spicedb: { timeout_ms: 30 }, limits: { default_timeout_ms: 20, max_timeout_ms: 10 } }`,
    'redis.timeout_ms: must be less than database.timeout_ms (50 is not less than 40)',
    'database.timeout_ms: must be less than spicedb.timeout_ms (40 is not less than 30)',
    'spicedb.timeout_ms: must be less than limits.default_timeout_ms (30 is not less than 20)',
    'limits.default_timeout_ms: must be at most limits.max_timeout_ms (20 is more than 10)',
    'database.connect_timeout_ms: must be at most database.timeout_ms (400 is more than 40)',
  ],

  // Unknown keys and misplaced mappings, at every level.
  ['listener: {}', 'listener: is not a known key (did you mean listeners?)'],
  ['zzzzzz: 1', 'zzzzzz: is not a known key'],
  ['__proto__: { polluted: true }', '__proto__: is not a known key'],
  ['listeners: { grcp: { address: "localhost:1" } }', 'listeners.grcp: is not a known key (did you mean grpc?)'],
  [
    'listeners: { grpc: { adress: "localhost:1" } }',
    'listeners.grpc.adress: is not a known key (did you mean address?)',
  ],
  ['spicedb: { tls: { enable: true } }', 'spicedb.tls.enable: is not a known key (did you mean enabled?)'],
  [`redis: { ${REDIS}, timeout: 3 }`, 'redis.timeout: is not a known key (did you mean timeout_ms?)'],
  [
    `redis: { url: redis://localhost, signing_keys: [{ id: a, secret: ${SIGNING_SECRET}, since: 1 }] }`,
    'redis.signing_keys[0].since: is not a known key',
  ],
  ['consistency: { reed: fully_consistent }', 'consistency.reed: is not a known key (did you mean read?)'],
  ['types: { task: { registred: true } }', 'types.task.registred: is not a known key (did you mean registered?)'],
  [
    'types: { task: { registered: true, parent: { relation: parent, typ: agent } } }',
    'types.task.parent.typ: is not a known key (did you mean type?)',
  ],
  [
    'types: { task: { registered: true, operations: { reed: read } } }',
    'types.task.operations.reed: is not a known key (did you mean read?)',
  ],
  ['"a\\nb": 1', '"a\\nb": is not a known key'],
  ['listeners: 5', 'listeners: must be a mapping'],
  ['listeners: { grpc: [1] }', 'listeners.grpc: must be a mapping'],
  ['types: [task]', 'types: must be a mapping'],
  ['types: { task: 5 }', 'types.task: must be a mapping'],
  ['redis: redis://localhost', 'redis: must be a mapping'],

  // Types: leaves.
  ['types: { task: { registered: 1 } }', 'types.task.registered: must be true or false'],
  ['types: { task: { registered: true, tenant_relation: X } }', `types.task.tenant_relation: ${SPICEDB_NAME_RULE}`],
  ['types: { task: { registered: true, owner_relation: o } }', `types.task.owner_relation: ${SPICEDB_NAME_RULE}`],
  [
    'types: { message: { table: a.b.c, parents: { task: task_id } } }',
    'types.message.table: must be table or schema.table, each at most 63 bytes',
  ],
  [
    `types: { message: { table: ${'é'.repeat(32)}, parents: { task: task_id } } }`,
    'types.message.table: must be table or schema.table, each at most 63 bytes',
  ],
  [
    'types: { message: { table: messages, id: "", parents: { task: task_id } } }',
    'types.message.id: must be the name of a column, at most 63 bytes',
  ],
  [
    'types: { message: { table: messages, parents: { task: 5 } } }',
    'types.message.parents.task: must be the name of a column, at most 63 bytes',
  ],
  [
    'types: { tenant: { registered: true } }',
    'types.tenant: can not be the name of a type: it is the account, which create rules refer to',
  ],
  ['types: { Task: { registered: true } }', `types.Task: the name of a type ${SPICEDB_NAME_RULE}`],
  [
    'types: { mesage: ~ }',
    'types.mesage: null removes a default type, and there is none of this name (did you mean message?)',
  ],

  // Types: shapes.
  ['types: { note: { parents: { task: task_id } } }', 'types.note.table: is required for a child type (or same_id_as)'],
  [
    'types: { note: { table: notes } }',
    'types.note.parents: is required for a child type (or same_id_as): parent type → column with its id',
  ],
  [
    'types: { note: { table: notes, parents: { task: task_id }, tenant_relation: tenant, owner_relation: owner, parent: { relation: parent, type: task } } }',
    'types.note.tenant_relation: is for registered types: a child type has no relationships',
    'types.note.owner_relation: is for registered types: a child type has no relationships',
    'types.note.parent: is for registered types: a child type has no relationships',
  ],
  [
    'types: { note: { same_id_as: task, table: notes, id: id, name: name, parents: { task: task_id } } }',
    'types.note.table: does not go with same_id_as: there is nothing to look up',
    'types.note.id: does not go with same_id_as: there is nothing to look up',
    'types.note.name: does not go with same_id_as: there is nothing to look up',
    'types.note.parents: does not go with same_id_as: there is nothing to look up',
  ],
  [
    'types: { note: { registered: true, parents: { task: task_id }, same_id_as: task } }',
    'types.note.parents: is for child types: a registered type has relationships of its own',
    'types.note.same_id_as: is for child types: a registered type has relationships of its own',
  ],
  ['types: { note: { registered: true, name: title } }', 'types.note.table: is required to look up a name'],
  ['types: { note: { registered: true, id: id } }', 'types.note.table: is required with id'],
  [
    'types: { note: { registered: true, parent: {} } }',
    'types.note.parent.relation: is required',
    'types.note.parent.type: is required',
  ],
  // Types: what a row is registered with.
  [
    'types: { task: { registered: true, rows: {} } }',
    'types.task.table: is required with rows',
    'types.task.rows.account: is required: the column with the account of a row',
    'types.task.rows.owner: is required: kind of principal → column with its id',
  ],
  [
    'types: { task: { registered: true, table: tasks, rows: { owner: { usr: by, user: "" }, account: 5, parent: p } } }',
    'types.task.rows.owner.user: must be a column or an SQL expression, at most 4096 characters',
    'types.task.rows.account: must be a column or an SQL expression, at most 4096 characters',
    'types.task.rows.owner.usr: must be one of user, service_account, agent (did you mean user?)',
    'types.task.rows.parent: has no effect without parent: the type hangs off nothing',
  ],
  [
    'types: { note: { table: notes, parents: { task: task_id }, rows: { owner: { user: a }, account: b } } }',
    'types.note.rows: is for registered types: a child type has no relationships',
  ],

  // Types: references.
  [
    'types: { note: { registered: true, parent: { relation: parent, type: tusk } } }',
    'types.note.parent.type: is not a configured type (did you mean task?)',
  ],
  [
    'types: { note: { registered: true, parent: { relation: parent, type: message } } }',
    'types.note.parent.type: message is a child type: a parent must be a registered type',
  ],
  [
    'types: { note: { table: notes, parents: { tusk: task_id } } }',
    'types.note.parents.tusk: is not a configured type (did you mean task?)',
  ],
  [
    'types: { note: { table: notes, parents: { message: message_id } } }',
    'types.note.parents.message: message is a child type: a parent must be a registered type',
  ],
  [
    'types: { note: { same_id_as: state } }',
    'types.note.same_id_as: state is a child type: a parent must be a registered type',
  ],
  [
    'types: { task: ~, message: ~, state: ~, tracker: ~, event: ~ }',
    'types.checkpoint.same_id_as: is not a configured type; set types.checkpoint to null if the application has none',
  ],
  [
    'types: { note: { table: notes, parents: { task: task_id }, operations: { read: read } } }',
    'types.note.operations.read: a child type has no permissions of its own: write <parent type>.read',
  ],
  [
    'types: { note: { table: notes, parents: { task: task_id }, operations: { read: agent.read } } }',
    "types.note.operations.read: agent is not one of the type's parents",
  ],
  [
    'types: { note: { same_id_as: task, operations: { read: tusk.read } } }',
    "types.note.operations.read: tusk is not one of the type's parents (did you mean task?)",
  ],
  [
    'types: { note: { registered: true, operations: { read: tenant.read } } }',
    'types.note.operations.read: tenant.<permission> is for create only: what exists is decided on itself or its parent',
  ],
  [
    'types: { note: { registered: true, operations: { read: agent.read } } }',
    'types.note.operations.read: a registered type is decided on itself: write the permission alone',
  ],
  [
    'types: { note: { registered: true, operations: { read: a.b.read } } }',
    'types.note.operations.read: must be a permission, tenant.<permission> or <parent type>.<permission>; a permission is 3 to 64 of a-z, 0-9 and _, starting with a letter and not ending with _',
  ],
  [
    'types: { note: { registered: true, operations: { read: Read } } }',
    'types.note.operations.read: must be a permission, tenant.<permission> or <parent type>.<permission>; a permission is 3 to 64 of a-z, 0-9 and _, starting with a letter and not ending with _',
  ],

  // References to the environment.
  ['log: { level: "${NOT_SET}" }', 'log.level: refers to the environment variable NOT_SET, which is not set or empty'],
  ['log: { level: "a ${NOT_SET}" }', 'log.level: ${NAME} must be the whole value'],
  [
    `redis: { url: redis://localhost, signing_keys: [{ id: a, secret: "\${NOT_SET}" }] }`,
    'redis.signing_keys[0].secret: refers to the environment variable NOT_SET, which is not set or empty',
  ],

  // YAML itself.
  ['a: 1\na: 2', 'TASKGATE_CONFIG: line 2, column 1: the key is there twice'],
  ['log:\n  level: info\n  level: warn', 'TASKGATE_CONFIG: line 3, column 3: the key is there twice'],
  ['log: { level: info', 'TASKGATE_CONFIG: line 1, column 19: wrong indentation, or a bracket that is not closed'],
  ['log: *level', 'TASKGATE_CONFIG: line 1, column 6: aliases are not supported: quote a value that starts with *'],
  ['log: !level {}', 'TASKGATE_CONFIG: line 1, column 6: unknown tag: quote a value that starts with !'],
  ['- 1', 'TASKGATE_CONFIG: line 1, column 1: must be a mapping'],
  ['log: {}\n---\nlog: {}', 'TASKGATE_CONFIG: line 2, column 1: only one document is read: remove the ---'],
])('reports each problem of %j', (yaml, ...problems) => {
  expect(expectProblems(load({ yaml }))).toEqual(problems);
});

test.each<[Environment, ...string[]]>([
  [
    { TASKGATE_GRPC_ADDRESS: '0.0.0.0:50051' },
    `TASKGATE_GRPC_ADDRESS: must be a loopback address or a unix socket: ${UNAUTHENTICATED}`,
  ],
  [
    { TASKGATE_HTTP_ADDRESS: ':8080' },
    'TASKGATE_HTTP_ADDRESS: must be host:port or [ipv6]:port, with a port up to 65535',
  ],
  [
    { TASKGATE_ADMIN_ADDRESS: '9090' },
    'TASKGATE_ADMIN_ADDRESS: must be host:port or [ipv6]:port, with a port up to 65535',
  ],
  [
    { TASKGATE_SPICEDB_ENDPOINT: 'http://spicedb:50051' },
    'TASKGATE_SPICEDB_ENDPOINT: must be host:port or [ipv6]:port, with a port from 1 to 65535',
  ],
  [
    { TASKGATE_SPICEDB_ENDPOINT: 'spicedb:0' },
    'TASKGATE_SPICEDB_ENDPOINT: must be host:port or [ipv6]:port, with a port from 1 to 65535',
  ],
  [
    { TASKGATE_SPICEDB_TOKEN: 'token\n' },
    'TASKGATE_SPICEDB_TOKEN: must be visible ASCII without spaces or line breaks',
  ],
  [
    { TASKGATE_DATABASE_URL: 'mysql://localhost/app' },
    'TASKGATE_DATABASE_URL: must be a URL that starts with postgres:// or postgresql://',
  ],
  [
    { TASKGATE_REDIS_URL: 'localhost:6379', TASKGATE_REDIS_SIGNING_SECRET: SIGNING_SECRET },
    'TASKGATE_REDIS_URL: must be a URL that starts with redis:// or rediss://',
  ],
  [
    { TASKGATE_REDIS_URL: 'redis://localhost', TASKGATE_REDIS_SIGNING_SECRET: 'short' },
    'TASKGATE_REDIS_SIGNING_SECRET: must be at least 32 characters',
  ],
  [
    { TASKGATE_REDIS_SIGNING_SECRET: SIGNING_SECRET },
    'TASKGATE_REDIS_SIGNING_SECRET: has no effect without Redis: set TASKGATE_REDIS_URL or redis, or unset it',
  ],
  [{ TASKGATE_SPICEDB_TOKEN: '' }, 'spicedb.token: is required to serve: set it here or in TASKGATE_SPICEDB_TOKEN'],
  [
    { TASKGATE_GRPC_ADRESS: 'localhost:1' },
    'TASKGATE_GRPC_ADRESS: is not a variable that taskgate reads (did you mean TASKGATE_GRPC_ADDRESS?)',
  ],
  [
    { TASKGATE_GRPC_PORT: '1' },
    'TASKGATE_GRPC_PORT: is not a variable that taskgate reads (did you mean TASKGATE_GRPC_ADDRESS?)',
  ],
  [{ TASKGATE_CONFIG: '/missing.yaml' }, 'TASKGATE_CONFIG: the file that it names can not be read (ENOENT)'],
  [
    { TASKGATE_CONFIG: '/missing.yaml', TASKGATE_HTTP_ADDRESS: 'x' },
    'TASKGATE_CONFIG: the file that it names can not be read (ENOENT)',
    'TASKGATE_HTTP_ADDRESS: must be host:port or [ipv6]:port, with a port up to 65535',
  ],
])('names the variable for each problem of %j', (env, ...problems) => {
  expect(expectProblems(load({ env }))).toEqual(problems);
});

test('names every missing setting at once', () => {
  expect(expectProblems(loadConfig(toDeps({}), { mode: 'serve' }))).toEqual([
    'spicedb.endpoint: is required to serve: set it here or in TASKGATE_SPICEDB_ENDPOINT',
    'spicedb.token: is required to serve: set it here or in TASKGATE_SPICEDB_TOKEN',
    'database.url: is required to serve: set it here or in TASKGATE_DATABASE_URL',
  ]);
});

test('reports problems of every kind at once', () => {
  const yaml = `
listeners: { grpc: { address: "10.0.0.1:1" }, htpp: {} }
database: { pool_size: many, timeout_ms: 5000 }
log: { level: "\${NOT_SET}" }
types:
  message: { parents: { tusk: task_id }, operations: { read: read } }
  task: ~`;
  const env = { TASKGATE_TYPO: 'x', TASKGATE_DATABASE_URL: 'x' };
  const paths = expectProblems(load({ yaml, env })).map((problem) => problem.split(': ')[0]);
  expect(paths).toEqual([
    'TASKGATE_TYPO',
    'listeners.htpp',
    'log.level',
    'TASKGATE_DATABASE_URL',
    'database.pool_size',
    'listeners.grpc.address',
    'database.timeout_ms',
    'types.message.table',
    'types.message.parents.tusk',
    'types.message.operations.read',
    'types.state.parents.task',
    'types.tracker.parents.task',
    'types.event.parents.task',
    'types.checkpoint.same_id_as',
  ]);
});

test('blames no default that stands in for a broken value', () => {
  const yaml = 'limits: { default_timeout_ms: soon, max_timeout_ms: 1 }';
  expect(expectProblems(load({ yaml }))).toEqual([
    'limits.default_timeout_ms: must be a whole number from 1 to 600000',
  ]);
});

test('ignores what Kubernetes sets for a Service called taskgate', () => {
  const env = {
    TASKGATE_SERVICE_HOST: '10.0.0.1',
    TASKGATE_SERVICE_PORT: '50051',
    TASKGATE_SERVICE_PORT_GRPC: '50051',
    TASKGATE_PORT: 'tcp://10.0.0.1:50051',
    TASKGATE_PORT_50051_TCP: 'tcp://10.0.0.1:50051',
    TASKGATE_PORT_50051_TCP_PROTO: 'tcp',
    TASKGATE_PORT_50051_TCP_ADDR: '10.0.0.1',
    TASKGATE_ADMIN_SERVICE_HOST: '10.0.0.2',
  };
  expect(load({ env }).kind).toBe('valid');
});

test('lets YAML refer to a variable of its own that starts with TASKGATE_', () => {
  const yaml = `redis: { ${REDIS}, password: "\${TASKGATE_REDIS_PASSWORD}" }`;
  expect(expectValid(load({ yaml, env: { TASKGATE_REDIS_PASSWORD: 'pw' } })).redis?.password).toBe('pw');
});
