import { z } from 'zod';
import { OPERATIONS } from '../domain/operation.ts';

const MAX_TEXT_LENGTH = 1_024;

const TEXT_RULE = `must be text of 1 to ${MAX_TEXT_LENGTH} characters`;
const FLAG_RULE = 'must be true or false';
const TRUE_RULE = 'must be true, or left out';
const CONSISTENCIES = ['minimize_latency', 'fully_consistent'] as const;

const text = () => z.string(TEXT_RULE).min(1, TEXT_RULE).max(MAX_TEXT_LENGTH, TEXT_RULE);
const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, `must be one of ${values.join(', ')}`);

/** A mapping in which every other key is a mistake; `message` says what it must be. */
function mapping<Shape extends z.ZodRawShape>(shape: Shape, message: string) {
  return z.strictObject(shape, { error: ({ code }) => (code === 'invalid_type' ? message : undefined) });
}

const resourceShape = { type: text(), id: text().exactOptional(), name: text().exactOptional() };

const checkSchema = mapping(
  {
    ...resourceShape,
    operation: oneOf(OPERATIONS),
    consistency: oneOf(CONSISTENCIES).default('minimize_latency'),
    create_if_absent: z.boolean(FLAG_RULE).default(false),
    create_if_unnamed: z.boolean(FLAG_RULE).default(false),
    if_given: z.boolean(FLAG_RULE).default(false),
    parent: mapping(resourceShape, 'must be a mapping with type and id or name').exactOptional(),
  },
  'must be a mapping with type, id or name, and operation',
);

/** One entry of the table, as YAML has it. What goes together is checked in `parse-route.ts` and `check-problems.ts`. */
export const routeSchema = mapping(
  {
    match: text(),
    public: z.literal(true, TRUE_RULE).exactOptional(),
    authenticated: z.literal(true, TRUE_RULE).exactOptional(),
    check: checkSchema.exactOptional(),
    json_rpc: z.record(z.string(), checkSchema, 'must be a mapping: method → check').exactOptional(),
    also: z.array(checkSchema, 'must be a list of checks').min(1, 'must not be empty').exactOptional(),
  },
  'must be a mapping with match, and public, authenticated, check or json_rpc',
);

/** One entry of the table, with defaults. */
export type RouteSettings = z.output<typeof routeSchema>;

/** One check of an entry, with defaults. */
export type CheckSettings = z.output<typeof checkSchema>;
