import { parseArgs } from 'node:util';
import type { ConfigMode } from '../config/config.ts';
import { didYouMean } from '../config/nearest.ts';
import { CALLER_NAME, CALLER_NAME_RULE, CALLER_PERMISSIONS, COMMON_PERMISSIONS } from '../domain/caller.ts';
import { identifierProblem } from '../domain/identifier.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { ExplainOptions } from './explain-options.ts';
import { EXPLAIN_FLAGS, parseExplainOptions } from './explain-options.ts';
import type { HashTokenOptions } from './hash-token.ts';
import type { HealthcheckOptions } from './healthcheck.ts';
import type { ReconcileCommandOptions } from './reconcile-options.ts';
import { FlagError, parseReconcileOptions, RECONCILE_FLAGS, RECONCILE_ONLY_FLAGS } from './reconcile-options.ts';
import type { SchemaCommandOptions } from './schema.ts';

/** A command with its options. */
export type Command =
  | { readonly name: 'serve' }
  | { readonly name: 'demo' }
  | { readonly name: 'add-account'; readonly account: string }
  | { readonly name: 'explain'; readonly options: ExplainOptions }
  | { readonly name: 'hash-token'; readonly options: HashTokenOptions }
  | { readonly name: 'healthcheck'; readonly options: HealthcheckOptions }
  | { readonly name: 'schema'; readonly options: SchemaCommandOptions }
  /** `mode`: whose configuration to print. */
  | { readonly name: 'config'; readonly mode: ConfigMode }
  | { readonly name: 'reconcile' | 'backfill'; readonly options: ReconcileCommandOptions };

/** What a command line asks for. */
export type ParsedCommand =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** `message`: one line without a newline. */
  | { readonly kind: 'error'; readonly message: string };

const COMMANDS = [
  'serve',
  'demo',
  'healthcheck',
  'schema',
  'add-account',
  'explain',
  'reconcile',
  'backfill',
  'hash-token',
  'config',
] as const;
const COMMON_FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  demo: { type: 'boolean' },
} as const;
const HASH_TOKEN_FLAGS = {
  generate: { type: 'boolean' },
  name: { type: 'string' },
  permissions: { type: 'string' },
} as const;
const HEALTHCHECK_FLAGS = {
  live: { type: 'boolean' },
  grpc: { type: 'boolean' },
} as const;
const SCHEMA_ACTIONS = ['check', 'apply'] as const;
const OPTIONS = {
  ...COMMON_FLAGS,
  ...HASH_TOKEN_FLAGS,
  ...HEALTHCHECK_FLAGS,
  ...RECONCILE_FLAGS,
  ...EXPLAIN_FLAGS,
};

/** Parses the arguments after the program's name. `--help` and `--version` win over the command. */
export function parseCommand(argv: readonly string[]): ParsedCommand {
  // Not strict, so that the messages are ours and the flags are checked before the command.
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (!isFlag(token.name)) {
      const offered = offeredFlags(positionals[0]);
      return error(`unknown flag ${toOneLine(token.rawName)}${suggestFlag(token.name, offered)}`);
    }
    if (OPTIONS[token.name].type === 'string') {
      const isMissing =
        token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('-'));
      if (isMissing) return error(`${token.rawName} needs a value`);
    } else if (token.value !== undefined) return error(`${token.rawName} takes no value`);
  }
  if (values['help'] === true) return { kind: 'help' };
  if (values['version'] === true) return { kind: 'version' };

  const [name, ...args] = positionals;
  if (name === undefined) return error(`no command: name one of ${COMMANDS.join(', ')}`);
  const known = COMMANDS.find((command) => command === name);
  if (known === undefined) return error(`unknown command ${JSON.stringify(name)}${didYouMean(name, COMMANDS)}`);
  const forDemo = values['demo'] === true;
  if (known === 'hash-token') return parseHashToken(args, values);
  const foreign = Object.keys(values).find((given) => Object.hasOwn(HASH_TOKEN_FLAGS, given));
  if (foreign !== undefined) return error(`--${foreign} goes with the command hash-token`);
  for (const flag of Object.keys(values).filter((given) => Object.hasOwn(RECONCILE_FLAGS, given))) {
    const commands = RECONCILE_ONLY_FLAGS.includes(flag) ? ['reconcile'] : ['reconcile', 'backfill'];
    if (!commands.includes(known)) return error(`--${flag} goes with the command ${commands.join(' or ')}`);
  }
  const probing = Object.keys(values).find((given) => Object.hasOwn(HEALTHCHECK_FLAGS, given));
  if (probing !== undefined && known !== 'healthcheck') return error(`--${probing} goes with the command healthcheck`);
  if (known === 'explain') return forDemo ? error('--demo goes with the command config') : parseExplain(args, values);
  const ofExplain = Object.keys(values).find((given) => Object.hasOwn(EXPLAIN_FLAGS, given));
  if (ofExplain !== undefined) return error(`--${ofExplain} goes with the command explain`);
  if (known === 'add-account') return parseAddAccount(args, forDemo);
  if (known === 'schema') return parseSchema(args, forDemo);
  if (args[0] !== undefined) return error(`${known} takes no argument, but there is ${JSON.stringify(args[0])}`);
  if (isReconcile(known)) return forDemo ? error('--demo goes with the command config') : parseReconcile(known, tokens);
  if (known === 'healthcheck') return forDemo ? error('--demo goes with the command config') : parseHealthcheck(values);
  if (known === 'config') return { kind: 'command', command: { name: known, mode: forDemo ? 'demo' : 'serve' } };
  return forDemo ? error('--demo goes with the command config') : { kind: 'command', command: { name: known } };
}

function parseAddAccount(args: readonly string[], forDemo: boolean): ParsedCommand {
  const [account, extra] = args;
  if (forDemo) return error('--demo goes with the command config');
  if (account === undefined) return error('add-account needs the name of an account');
  if (extra !== undefined) return error(`add-account takes one account, but there is ${JSON.stringify(extra)} too`);
  const problem = account === NEW_RESOURCE_ID ? 'must name one account' : identifierProblem(account);
  if (problem !== undefined) return error(`the account ${problem}`);
  return { kind: 'command', command: { name: 'add-account', account } };
}

function parseSchema([action, file, extra]: readonly string[], forDemo: boolean): ParsedCommand {
  if (forDemo) return error('--demo goes with the command config');
  const known = SCHEMA_ACTIONS.find((name) => name === action);
  if (action === undefined) return error('schema needs an action: check or apply');
  if (known === undefined) return error(`schema checks or applies: there is no ${JSON.stringify(action)}`);
  if (extra !== undefined) return error(`schema takes one file, but there is ${JSON.stringify(extra)} too`);
  const options = { action: known, ...(file === undefined ? {} : { file }) };
  return { kind: 'command', command: { name: 'schema', options } };
}

function parseHealthcheck(values: Readonly<Record<string, unknown>>): ParsedCommand {
  const isLive = values['live'] === true;
  const isGrpc = values['grpc'] === true;
  if (isLive && isGrpc) return error('--live and --grpc exclude each other: gRPC health says whether it is ready');
  const options = { asks: isGrpc ? 'grpc' : isLive ? 'live' : 'ready' } as const;
  return { kind: 'command', command: { name: 'healthcheck', options } };
}

function parseHashToken(args: readonly string[], values: Readonly<Record<string, unknown>>): ParsedCommand {
  const strange = Object.keys(values).find((flag) => !Object.hasOwn(HASH_TOKEN_FLAGS, flag));
  if (strange !== undefined) return error(`--${strange} does not go with the command hash-token`);
  // Others on the machine can read a command line.
  if (args.length > 0) return error('hash-token takes no argument: the token is read from standard input');
  const { name = 'caller', permissions = COMMON_PERMISSIONS.join(','), generate = false } = values;
  if (!CALLER_NAME.test(String(name))) return error(`--name ${CALLER_NAME_RULE}`);
  const words = String(permissions).split(',');
  const chosen = CALLER_PERMISSIONS.filter((permission) => words.includes(permission));
  if (chosen.length !== words.length) return error(`--permissions must be some of ${CALLER_PERMISSIONS.join(',')}`);
  const options = { isGenerated: generate === true, name: String(name), permissions: chosen };
  return { kind: 'command', command: { name: 'hash-token', options } };
}

function parseReconcile(
  name: 'reconcile' | 'backfill',
  tokens: readonly { readonly kind: string; readonly name?: string; readonly value?: string | undefined }[],
): ParsedCommand {
  const given: Record<string, string[]> = {};
  for (const token of tokens) {
    if (token.kind === 'option' && token.name !== undefined) (given[token.name] ??= []).push(token.value ?? '');
  }
  try {
    return { kind: 'command', command: { name, options: parseReconcileOptions(name, given) } };
  } catch (thrown) {
    if (thrown instanceof FlagError) return error(thrown.message);
    throw thrown;
  }
}

function parseExplain(args: readonly string[], values: Readonly<Record<string, unknown>>): ParsedCommand {
  try {
    return { kind: 'command', command: { name: 'explain', options: parseExplainOptions(args, values) } };
  } catch (thrown) {
    if (thrown instanceof FlagError) return error(thrown.message);
    throw thrown;
  }
}

function isReconcile(name: string | undefined): name is 'reconcile' | 'backfill' {
  return name === 'reconcile' || name === 'backfill';
}

function offeredFlags(command: string | undefined): object {
  if (isReconcile(command)) return { ...COMMON_FLAGS, ...RECONCILE_FLAGS };
  if (command === 'healthcheck') return { ...COMMON_FLAGS, ...HEALTHCHECK_FLAGS };
  if (command === 'explain') return { ...COMMON_FLAGS, ...EXPLAIN_FLAGS };
  return command === 'hash-token' ? { ...COMMON_FLAGS, ...HASH_TOKEN_FLAGS } : COMMON_FLAGS;
}

function isFlag(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name);
}

function suggestFlag(name: string, flags: object): string {
  return didYouMean(
    `--${name}`,
    Object.keys(flags).map((option) => `--${option}`),
  );
}

/** As it was typed, or quoted where a terminal would not show it so. */
function toOneLine(flag: string): string {
  return /^[\x21-\x7e]+$/.test(flag) ? flag : JSON.stringify(flag);
}

function error(message: string): ParsedCommand {
  return { kind: 'error', message };
}
