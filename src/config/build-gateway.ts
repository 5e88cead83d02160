import type { TypeModel } from '../domain/type-model.ts';
import { basePathProblem } from '../routes/parse-pattern.ts';
import { parseRouteTable } from '../routes/parse-route-table.ts';
import type { GatewayRoutesConfig } from './config.ts';
import { parseYaml } from './parse-yaml.ts';
import type { ReportConflict } from './problem-list.ts';
import { toKeyPath } from './problem.ts';
import type { ReadFile } from './read-file.ts';
import { toReason } from './read-file.ts';
import type { Settings } from './settings-schema.ts';
import { isTree } from './tree.ts';

interface GatewayDeps {
  readonly types: TypeModel;
  readonly readFile: ReadFile;
  readonly report: ReportConflict;
}

const FILE = 'gateway.routes_file';
const INLINE = 'gateway.routes';
const BASE_PATH = 'gateway.base_path';
const ROUTES = 'routes';

/** Reads the route table, from its file or in place, and reports everything that is wrong with it. */
export function buildGateway({ gateway }: Settings, deps: GatewayDeps): GatewayRoutesConfig {
  const { routes_file: file, routes: inline, base_path: basePath = '' } = gateway;
  const problem = basePath === '' ? undefined : basePathProblem(basePath);
  if (problem !== undefined) deps.report([BASE_PATH], problem);
  if (file !== undefined && inline !== undefined) deps.report([FILE, INLINE], `does not go with ${INLINE}: one table`);
  const report: ReportRoute = (path, message, type) => {
    const keys = type === undefined ? [] : [`types.${type}`];
    // What is in the file has no key of its own in the configuration.
    if (file === undefined) deps.report([toKeyPath(['gateway', ROUTES, ...path]), ...keys], message);
    else deps.report([FILE, ...keys], `${toKeyPath([ROUTES, ...path])}: ${message}`);
  };
  const tree = file === undefined ? inline : readRoutesFile(file, deps);
  const base = { basePath, ...(file === undefined ? {} : { routesFile: file }) };
  if (tree === undefined) return { ...base, routes: [] };
  const parsed = parseRouteTable(tree, deps.types);
  if (parsed.kind === 'valid') return { ...base, routes: parsed.routes };
  for (const { path, message, type } of parsed.problems) report(path, message, type);
  return { ...base, routes: [] };
}

type ReportRoute = (path: readonly PropertyKey[], message: string, type?: string) => void;

/** The list of routes in a file; undefined where a problem is reported. */
function readRoutesFile(path: string, { readFile, report }: GatewayDeps): unknown {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    report([FILE], `the file can not be read${toReason(error)}`);
    return undefined;
  }
  const parsed = parseYaml(text);
  if (parsed.kind === 'malformed') {
    for (const message of parsed.messages) report([FILE], message);
    return undefined;
  }
  const { value } = parsed;
  if (isTree(value) && Object.keys(value).length === 1 && Object.hasOwn(value, ROUTES)) return value[ROUTES];
  report([FILE], `must be a mapping with ${ROUTES} and no other key`);
  return undefined;
}
