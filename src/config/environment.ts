import { didYouMean } from './nearest.ts';
import type { ConfigProblem } from './problem.ts';
import type { Tree } from './tree.ts';
import { isTree, prune, writeTo } from './tree.ts';

/** The environment, as `process.env` has it. A variable that is empty counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the YAML file. */
export const CONFIG_VARIABLE = 'TASKGATE_CONFIG';

/** Signs entries in Redis, as the key with the id `env`, before all keys in YAML. */
export const SIGNING_SECRET_VARIABLE = 'TASKGATE_REDIS_SIGNING_SECRET';

/** The id of the key that `SIGNING_SECRET_VARIABLE` gives. */
export const ENVIRONMENT_KEY_ID = 'env';

/** Variable → the key that it sets, winning over YAML. */
export const VARIABLE_KEYS = {
  TASKGATE_GRPC_ADDRESS: ['listeners', 'grpc', 'address'],
  TASKGATE_HTTP_ADDRESS: ['listeners', 'http', 'address'],
  TASKGATE_ADMIN_ADDRESS: ['listeners', 'admin', 'address'],
  TASKGATE_SPICEDB_ENDPOINT: ['spicedb', 'endpoint'],
  TASKGATE_SPICEDB_TOKEN: ['spicedb', 'token'],
  TASKGATE_DATABASE_URL: ['database', 'url'],
  TASKGATE_REDIS_URL: ['redis', 'url'],
} as const;

const PREFIX = 'TASKGATE_';
const KNOWN_VARIABLES = [CONFIG_VARIABLE, SIGNING_SECRET_VARIABLE, ...Object.keys(VARIABLE_KEYS)];

/** What Kubernetes sets in every pod for a Service whose name starts with `taskgate`. */
const SERVICE_LINK =
  /^TASKGATE_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)$/;
const SERVICE_LINK_URL = /^TASKGATE_(?:[A-Z0-9_]+_)?PORT$/;
const SERVICE_LINK_URL_VALUE = /^(?:tcp|udp|sctp):\/\//;

/** The variable's value, or undefined if it is not set or empty. */
export function readVariable(env: Environment, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === '' ? undefined : value;
}

/** Removes from the file's tree what the environment sets anyway, so that no problem of it matters. */
export function dropOverridden(tree: Tree, env: Environment): void {
  for (const [variable, keys] of Object.entries(VARIABLE_KEYS)) {
    if (readVariable(env, variable) !== undefined) prune(tree, keys);
  }
}

/** Writes what the environment sets into the tree. Returns key path → variable, to name problems by. */
export function applyVariables(tree: Tree, env: Environment): ReadonlyMap<string, string> {
  const origins = new Map<string, string>();
  for (const [variable, keys] of Object.entries(VARIABLE_KEYS)) {
    const value = readVariable(env, variable);
    if (value === undefined) continue;
    writeTo(tree, keys, value);
    origins.set(keys.join('.'), variable);
  }
  applySigningSecret(tree, env, origins);
  return origins;
}

/** Only where Redis is configured already: the secret alone asks for none. */
function applySigningSecret(tree: Tree, env: Environment, origins: Map<string, string>): void {
  const secret = readVariable(env, SIGNING_SECRET_VARIABLE);
  const redis = tree['redis'];
  if (secret === undefined || !isTree(redis)) return;
  const keys: unknown = redis['signing_keys'] ?? [];
  if (!Array.isArray(keys)) return;
  const index = keys.findIndex((key: unknown) => isTree(key) && key['id'] === ENVIRONMENT_KEY_ID);
  const entry = { id: ENVIRONMENT_KEY_ID, secret };
  redis['signing_keys'] = index === -1 ? [...keys, entry] : keys.with(index, entry);
  origins.set(`redis.signing_keys[${index === -1 ? keys.length : index}].secret`, SIGNING_SECRET_VARIABLE);
}

/** The variables that look like ours and are not, and to which no YAML refers: a typo would silently set nothing. */
export function findUnknownVariables(env: Environment, references: ReadonlySet<string>): readonly ConfigProblem[] {
  return Object.entries(env)
    .filter(([name, value]) => name.startsWith(PREFIX) && !references.has(name) && !isServiceLink(name, value ?? ''))
    .filter(([name]) => !KNOWN_VARIABLES.includes(name))
    .map(([name]) => ({
      path: name,
      message: `is not a variable that taskgate reads${didYouMean(name, KNOWN_VARIABLES)}`,
    }));
}

function isServiceLink(name: string, value: string): boolean {
  return SERVICE_LINK.test(name) || (SERVICE_LINK_URL.test(name) && SERVICE_LINK_URL_VALUE.test(value));
}
