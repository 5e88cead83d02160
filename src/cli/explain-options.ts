import { OPERATIONS } from '../domain/operation.ts';
import { didYouMean } from '../config/nearest.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import type { Principal } from '../domain/principal.ts';
import type { ResourceRef } from '../domain/resource.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { FlagError } from './reconcile-options.ts';

/** What `taskgate explain` is asked. */
export interface ExplainOptions {
  readonly subject:
    | { readonly kind: 'question'; readonly principal: Principal; readonly check: TaskCheck }
    | { readonly kind: 'recorded'; readonly decisionId: string; readonly index: number };
  readonly via:
    | { readonly kind: 'direct' }
    /** `url` is undefined: that of the configuration's environment. */
    | { readonly kind: 'server'; readonly url: string | undefined; readonly tokenFile: string | undefined };
  readonly asJson: boolean;
}

/** For `parseArgs`. */
export const EXPLAIN_FLAGS = {
  account: { type: 'string' },
  'by-name': { type: 'boolean' },
  parent: { type: 'string' },
  'create-if-absent': { type: 'boolean' },
  'fully-consistent': { type: 'boolean' },
  'decision-id': { type: 'string' },
  index: { type: 'string' },
  admin: { type: 'string' },
  'token-file': { type: 'string' },
  direct: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type ExplainFlag = keyof typeof EXPLAIN_FLAGS;

const QUESTION_FLAGS = ['account', 'by-name', 'parent', 'create-if-absent', 'fully-consistent'] as const;
const USAGE = 'explain needs PRINCIPAL OPERATION RESOURCE, such as user:alice read message:m1, or --decision-id';

/** What the ids may be is for whoever answers to say. @throws FlagError naming the argument. */
export function parseExplainOptions(
  args: readonly string[],
  values: Readonly<Record<string, unknown>>,
): ExplainOptions {
  const text = (flag: ExplainFlag): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : undefined;
  };
  const isSet = (flag: ExplainFlag): boolean => values[flag] === true;
  const decisionId = text('decision-id');
  const subject = decisionId === undefined ? toQuestion(args, text, isSet) : toRecorded(decisionId, args, text, values);
  if (!isSet('direct')) {
    return {
      subject,
      via: { kind: 'server', url: text('admin'), tokenFile: text('token-file') },
      asJson: isSet('json'),
    };
  }
  for (const flag of ['decision-id', 'admin', 'token-file'] as const) {
    if (text(flag) !== undefined) throw new FlagError(`--${flag} asks a server: it does not go with --direct`);
  }
  return { subject, via: { kind: 'direct' }, asJson: isSet('json') };
}

function toRecorded(
  decisionId: string,
  args: readonly string[],
  text: (flag: ExplainFlag) => string | undefined,
  values: Readonly<Record<string, unknown>>,
): ExplainOptions['subject'] {
  const strange = QUESTION_FLAGS.find((flag) => values[flag] !== undefined);
  if (strange !== undefined) throw new FlagError(`--${strange} does not go with --decision-id`);
  if (args[0] !== undefined) throw new FlagError(`--decision-id takes no ${JSON.stringify(args[0])} beside it`);
  const index = text('index') ?? '0';
  if (!/^\d{1,3}$/.test(index)) throw new FlagError('--index must be a number from 0 to 999');
  return { kind: 'recorded', decisionId, index: Number(index) };
}

function toQuestion(
  args: readonly string[],
  text: (flag: ExplainFlag) => string | undefined,
  isSet: (flag: ExplainFlag) => boolean,
): ExplainOptions['subject'] {
  const [who, verb, what, extra] = args;
  if (who === undefined || verb === undefined || what === undefined) throw new FlagError(USAGE);
  if (extra !== undefined)
    throw new FlagError(`explain takes three arguments, but there is ${JSON.stringify(extra)} too`);
  if (text('index') !== undefined) throw new FlagError('--index goes with --decision-id');
  const [kindText, id] = split(who, 'the principal', 'user:alice');
  const kind = PRINCIPAL_KINDS.find((each) => each === kindText);
  if (kind === undefined)
    throw new FlagError(`the principal must be one of ${PRINCIPAL_KINDS.join(', ')}, with its id`);
  const operation = OPERATIONS.find((each) => each === verb);
  if (operation === undefined) {
    throw new FlagError(`${JSON.stringify(verb)} is no operation${didYouMean(verb, OPERATIONS)}`);
  }
  const account = text('account');
  if (account === undefined) throw new FlagError('--account must name the account that the principal acts in');
  const parent = text('parent');
  const check: TaskCheck = {
    resource: toResource(what, 'the resource', isSet('by-name')),
    operation,
    consistency: isSet('fully-consistent') ? FULLY_CONSISTENT : MINIMIZE_LATENCY,
    createIfAbsent: isSet('create-if-absent'),
    ...(parent === undefined ? {} : { parent: toResource(parent, '--parent', false) }),
  };
  return { kind: 'question', principal: { kind, id, account }, check };
}

function toResource(argument: string, what: string, isName: boolean): ResourceRef {
  const [type, value] = split(argument, what, 'message:m1');
  if (isName) return { type, key: { kind: 'name', name: value } };
  return { type, key: value === NEW_RESOURCE_ID ? { kind: 'new' } : { kind: 'id', id: value } };
}

/** At the first colon: ids may have more of them. */
function split(argument: string, what: string, example: string): readonly [string, string] {
  const at = argument.indexOf(':');
  if (at <= 0 || at === argument.length - 1) throw new FlagError(`${what} must be like ${example}`);
  return [argument.slice(0, at), argument.slice(at + 1)];
}
