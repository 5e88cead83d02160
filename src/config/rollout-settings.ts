import { z } from 'zod';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import { DUAL_WRITES, ENFORCEMENTS, LEGACY_ANSWERS } from '../domain/rollout.ts';
import { choice, flag, integer, listOf, text } from './fields.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

const flagValues = () => ({
  enforcement: choice(ENFORCEMENTS).exactOptional(),
  dual_write: choice(DUAL_WRITES).exactOptional(),
});
const createTypesSchema = () => z.record(z.string(), z.object(flagValues()));

/** `rollout`. Which keys go together is checked in `check-rollout.ts`. */
export const createRolloutSchema = () =>
  z.object({
    provider: choice(['static', 'flagd']).default('static'),
    enforcement: choice(ENFORCEMENTS).default('enforce'),
    dual_write: choice(DUAL_WRITES).default('on'),
    types: createTypesSchema().exactOptional(),
    accounts: z
      .record(z.string(), z.object({ ...flagValues(), types: createTypesSchema().exactOptional() }))
      .exactOptional(),
    off_answer: choice(LEGACY_ANSWERS).default('allow'),
    bypass: listOf(
      z.object(
        { kind: choice(PRINCIPAL_KINDS), id: text(), account: text().exactOptional() },
        'must be a mapping with kind and id, and account if it is for one',
      ),
      'must be a list of {kind, id, account}',
    ).exactOptional(),
    shadow_timeout_ms: integer(1, 60 * SECOND_MS).default(SECOND_MS),
    max_shadow_checks: integer(1, 10_000).default(256),
    flag_timeout_ms: integer(1, 10 * SECOND_MS).default(100),
    flag_refresh_ms: integer(10, HOUR_MS).default(5 * SECOND_MS),
    flag_keep_ms: integer(10, 24 * HOUR_MS).default(60 * SECOND_MS),
    flagd: z
      .object({
        host: text().default('localhost'),
        port: integer(1, 65_535).default(8013),
        socket_path: text().exactOptional(),
        tls: flag().default(false),
        ca_file: text().exactOptional(),
      })
      .exactOptional(),
  });

/** `rollout`, with defaults. */
export type RolloutSettings = z.output<ReturnType<typeof createRolloutSchema>>;
