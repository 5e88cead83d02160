import type { Environment } from './environment.ts';
import { readVariable, SIGNING_SECRET_VARIABLE } from './environment.ts';
import type { ReportConflict } from './problem-list.ts';
import type { RedisSettings } from './settings-schema.ts';

const KEYS_BY_MODE = {
  single: ['url'],
  sentinel: ['sentinels', 'master_name'],
  cluster: ['nodes'],
} as const;

/** Reports what is missing and what does not go together in `redis`. */
export function checkRedis(redis: RedisSettings | undefined, env: Environment, report: ReportConflict): void {
  if (redis === undefined) {
    if (readVariable(env, SIGNING_SECRET_VARIABLE) !== undefined) {
      report(
        [SIGNING_SECRET_VARIABLE, 'redis'],
        'has no effect without Redis: set TASKGATE_REDIS_URL or redis, or unset it',
      );
    }
    return;
  }
  checkMode(redis, report);
  checkUrl(redis, report);
  checkSigningKeys(redis, report);
}

function checkMode(redis: RedisSettings, report: ReportConflict): void {
  for (const [mode, keys] of Object.entries(KEYS_BY_MODE)) {
    for (const key of keys) {
      const isSet = redis[key] !== undefined;
      if (mode === redis.mode && !isSet) report([`redis.${key}`, 'redis.mode'], `is required with redis.mode ${mode}`);
      if (mode !== redis.mode && isSet)
        report([`redis.${key}`, 'redis.mode'], `goes with redis.mode ${mode}, not with ${redis.mode}`);
    }
  }
}

/** What the URL says and a key says too could contradict each other. */
function checkUrl(redis: RedisSettings, report: ReportConflict): void {
  if (redis.url === undefined) return;
  const url = new URL(redis.url);
  if (redis.username !== undefined && url.username !== '')
    report(['redis.username', 'redis.url'], 'is in redis.url too: set it once');
  if (redis.password !== undefined && url.password !== '')
    report(['redis.password', 'redis.url'], 'is in redis.url too: set it once');
  if (redis.tls === false && url.protocol === 'rediss:')
    report(['redis.tls', 'redis.url'], 'is false, but redis.url starts with rediss://');
}

function checkSigningKeys(redis: RedisSettings, report: ReportConflict): void {
  if (redis.signing_keys === undefined) {
    report(
      ['redis.signing_keys'],
      'is required with Redis, so that whoever can write Redis can not re-parent a child: set ' +
        `${SIGNING_SECRET_VARIABLE} (for example to the output of: openssl rand -hex 32), or ` +
        'signing_keys: [{id: key1, secret: "${NAME}"}]',
    );
    return;
  }
  const seen = new Set<string>();
  for (const [index, { id }] of redis.signing_keys.entries()) {
    if (seen.has(id)) report([`redis.signing_keys[${index}].id`], 'is the id of an earlier key too');
    seen.add(id);
  }
}
