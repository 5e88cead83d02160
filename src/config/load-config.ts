import { buildGateway } from './build-gateway.ts';
import { buildTypes } from './build-types.ts';
import { checkRollout } from './check-rollout.ts';
import { checkSettings } from './check-settings.ts';
import type { Config, ConfigMode, ServeConfig } from './config.ts';
import type { Environment } from './environment.ts';
import { applyVariables, CONFIG_VARIABLE, dropOverridden, findUnknownVariables, readVariable } from './environment.ts';
import { findReferences, normalizeTree } from './normalize-tree.ts';
import { parseSettings } from './parse-settings.ts';
import { parseYaml } from './parse-yaml.ts';
import { createProblemList } from './problem-list.ts';
import type { ConfigProblem } from './problem.ts';
import { isWithin } from './problem.ts';
import type { ReadFile } from './read-file.ts';
import { toReason } from './read-file.ts';
import { createSettingsSchema } from './settings-schema.ts';
import { toConfig } from './to-config.ts';
import type { Tree } from './tree.ts';
import { isTree } from './tree.ts';

/** What configuration is read from. */
export interface ConfigDeps {
  readonly env: Environment;
  readonly readFile: ReadFile;
}

/** A configuration that can be used, or everything that is wrong with it. */
export type LoadedConfig<C extends Config> =
  | { readonly kind: 'valid'; readonly config: C }
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] };

/** Keys of a type that can be wrong without leaving open what the type is, and whose parent it can be. */
const LEAF_OF_TYPE =
  /^types\.[a-z0-9_]+\.(?:table|id|name|tenant_relation|owner_relation|rows(?:\.[a-z_.]+)?|operations\.[a-z]+)$/;

/**
 * Reads the environment and the YAML file that `TASKGATE_CONFIG` names, and reports all problems at once. Never throws,
 * and no message holds a value that was read.
 */
export function loadConfig(deps: ConfigDeps, options: { readonly mode: 'serve' }): LoadedConfig<ServeConfig>;
export function loadConfig(deps: ConfigDeps, options: { readonly mode: ConfigMode }): LoadedConfig<Config>;
// In serve mode `checkSettings` reports each key that ServeConfig needs, so a valid one has them.
export function loadConfig(deps: ConfigDeps, { mode }: { readonly mode: ConfigMode }): LoadedConfig<Config> {
  const { env } = deps;
  const file = readConfigFile(deps);
  dropOverridden(file.tree, env);
  const treeProblems: ConfigProblem[] = [];
  const schema = createSettingsSchema();
  const tree = normalizeTree(file.tree, schema, {
    env,
    report: (path, message) => treeProblems.push({ path, message }),
  });
  const origins = applyVariables(tree, env);
  const list = createProblemList(treeProblems, origins);
  const settings = parseSettings(tree, schema, list.reportValue);

  checkSettings(settings, { mode, env, readFile: deps.readFile, report: list.reportConflict });
  const types = buildTypes(settings.types, {
    report: (path, message) => list.reportConflict([path], message),
    isUnclear: (type) => list.brokenKeys.some((key) => isWithin(key, `types.${type}`) && !LEAF_OF_TYPE.test(key)),
  });
  checkRollout(settings, types.types, list.reportConflict);
  const gateway = buildGateway(settings, {
    types: types.types,
    readFile: deps.readFile,
    report: list.reportConflict,
  });

  const problems = [...findUnknownVariables(env, file.references), ...file.problems];
  if (file.problems.length === 0) {
    problems.push(...list.problems);
  } else {
    // The keys of an unreadable file are not missing. What the environment says can still be checked.
    const variables = new Set(origins.values());
    problems.push(...list.problems.filter(({ path }) => variables.has(path)));
  }
  return problems.length > 0
    ? { kind: 'invalid', problems }
    : { kind: 'valid', config: toConfig(settings, { ...types, gateway }, mode) };
}

interface ConfigFile {
  readonly tree: Tree;
  readonly problems: readonly ConfigProblem[];
  /** The environment variables that the file refers to. */
  readonly references: ReadonlySet<string>;
}

const NO_FILE: ConfigFile = { tree: {}, problems: [], references: new Set() };

function readConfigFile({ env, readFile }: ConfigDeps): ConfigFile {
  const path = readVariable(env, CONFIG_VARIABLE);
  if (path === undefined) return NO_FILE;
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    return { ...NO_FILE, problems: unusable([`the file that it names can not be read${toReason(error)}`]) };
  }
  const references = findReferences(text);
  const parsed = parseYaml(text);
  if (parsed.kind === 'malformed') return { tree: {}, problems: unusable(parsed.messages), references };
  if (parsed.value === null) return { tree: {}, problems: [], references };
  return isTree(parsed.value)
    ? { tree: parsed.value, problems: [], references }
    : { tree: {}, problems: unusable(['line 1, column 1: must be a mapping']), references };
}

function unusable(messages: readonly string[]): readonly ConfigProblem[] {
  return messages.map((message) => ({ path: CONFIG_VARIABLE, message }));
}
