import type { z } from 'zod';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../domain/consistency.ts';
import type { TypeModel } from '../domain/type-model.ts';
import type { CheckPlace } from './check-problems.ts';
import { reportCheckProblems } from './check-problems.ts';
import { parsePattern } from './parse-pattern.ts';
import { parseTemplate } from './parse-template.ts';
import type { CheckSettings, RouteSettings } from './route-schema.ts';
import { routeSchema } from './route-schema.ts';
import type { CheckTemplate, ResourceTemplate, Route, RouteAction } from './route.ts';
import type { ReportAt } from './table-problem.ts';

const ACTIONS = ['public', 'authenticated', 'check', 'json_rpc'] as const;
const CONSISTENCIES = { minimize_latency: MINIMIZE_LATENCY, fully_consistent: FULLY_CONSISTENT } as const;

/**
 * Parses one entry of the table, and reports all that is wrong with it.
 *
 * @returns undefined if its pattern can't be told; a route with other problems is returned, so that its pattern can be
 *   compared with the others'
 */
export function parseRoute(entry: unknown, types: TypeModel, report: ReportAt): Route | undefined {
  const parsed = routeSchema.safeParse(entry);
  if (!parsed.success) {
    reportIssues(parsed.error.issues, report);
    return undefined;
  }
  const settings = parsed.data;
  const pattern = parsePattern(settings.match);
  if (pattern.kind === 'problem') report(['match'], pattern.problem);
  const segments = pattern.kind === 'pattern' ? pattern.segments : [];
  const parameters = new Set(segments.flatMap((segment) => (segment.kind === 'parameter' ? [segment.name] : [])));
  const isJsonRpc = settings.json_rpc !== undefined;
  // Where the pattern can't be told, neither can it be told which parameters it has.
  const place = pattern.kind === 'pattern' ? { types, parameters, isJsonRpc, isFurther: false } : undefined;
  const action = parseAction(settings, place, report);
  if (pattern.kind === 'problem' || action === undefined) return undefined;
  return { methods: pattern.methods, path: pattern.path, segments, action };
}

function reportIssues(issues: readonly z.core.$ZodIssue[], report: ReportAt): void {
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) report([...issue.path, key], 'is not a known key');
    } else {
      report(issue.path, issue.message);
    }
  }
}

function parseAction(
  settings: RouteSettings,
  place: CheckPlace | undefined,
  report: ReportAt,
): RouteAction | undefined {
  const [kind, ...others] = ACTIONS.filter((action) => settings[action] !== undefined);
  if (kind === undefined || others.length > 0) {
    report([], `must have exactly one of ${ACTIONS.join(', ')}`);
    return undefined;
  }
  const also = (settings.also ?? []).map((check, index) =>
    toCheck(check, place === undefined ? undefined : { ...place, isFurther: true }, (path, ...rest) =>
      report(['also', index, ...path], ...rest),
    ),
  );
  const { check, json_rpc: methods } = settings;
  if (check !== undefined) {
    return {
      kind: 'check',
      check: toCheck(check, place, (path, ...rest) => report(['check', ...path], ...rest)),
      also,
    };
  }
  if (methods !== undefined) {
    if (Object.keys(methods).length === 0) report(['json_rpc'], 'must not be empty');
    const entries = Object.entries(methods).map(
      ([method, settingsOf]) =>
        [
          method,
          toCheck(settingsOf, place, (path, ...rest) => report(['json_rpc', method, ...path], ...rest)),
        ] as const,
    );
    return { kind: 'json_rpc', methods: new Map(entries), also };
  }
  if (also.length > 0) report(['also'], 'goes with check or json_rpc only');
  return kind === 'public' ? { kind } : { kind: 'authenticated' };
}

function toCheck(settings: CheckSettings, place: CheckPlace | undefined, report: ReportAt): CheckTemplate {
  let isWhole = true;
  const note: ReportAt = (...problem) => {
    isWhole = false;
    report(...problem);
  };
  const check: CheckTemplate = {
    resource: toResource(settings, note),
    operation: settings.operation,
    consistency: CONSISTENCIES[settings.consistency],
    createIfAbsent: settings.create_if_absent,
    createIfUnnamed: settings.create_if_unnamed,
    ifGiven: settings.if_given,
    ...(settings.parent === undefined
      ? {}
      : { parent: toResource(settings.parent, (path, ...rest) => note(['parent', ...path], ...rest)) }),
  };
  // What hangs on a template that can't be read would be noise.
  if (isWhole && place !== undefined) reportCheckProblems(check, place, report);
  return check;
}

function toResource(settings: Pick<CheckSettings, 'type' | 'id' | 'name'>, report: ReportAt): ResourceTemplate {
  const resource: { type: string } & Pick<CheckTemplate['resource'], 'id' | 'name'> = { type: settings.type };
  return { ...resource, ...toTemplate('id', settings.id, report), ...toTemplate('name', settings.name, report) };
}

function toTemplate(field: 'id' | 'name', text: string | undefined, report: ReportAt) {
  if (text === undefined) return {};
  const parsed = parseTemplate(text);
  if (parsed.kind === 'template') return { [field]: parsed.template };
  report([field], parsed.problem);
  return {};
}
