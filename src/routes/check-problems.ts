import { identifierProblem, nameProblem } from '../domain/identifier.ts';
import { NEW_RESOURCE_ID } from '../domain/resource.ts';
import type { CheckRule, ResourceType, TypeModel } from '../domain/type-model.ts';
import { isOptional } from './parse-template.ts';
import type { CheckTemplate, ResourceTemplate, Template } from './route.ts';
import type { ReportAt } from './table-problem.ts';

/** What a check stands in. */
export interface CheckPlace {
  readonly types: TypeModel;
  /** The parameters of the route's path. */
  readonly parameters: ReadonlySet<string>;
  readonly isJsonRpc: boolean;
  /** One of `also`. */
  readonly isFurther: boolean;
}

/** Reports what would make a check fail for every request, or mean nothing. */
export function reportCheckProblems(check: CheckTemplate, place: CheckPlace, report: ReportAt): void {
  const { resource, operation, parent } = check;
  reportResourceProblems(resource, place, report);
  const isNew = isNewResource(resource);
  if (isNew && operation !== 'create') report(['id'], `"${NEW_RESOURCE_ID}" goes with the operation create only`);
  if (parent !== undefined && !isNew) report(['parent'], `goes with id "${NEW_RESOURCE_ID}" only`);
  if (parent !== undefined) {
    reportResourceProblems(parent, place, (path, ...rest) => report(['parent', ...path], ...rest));
    if (isNewResource(parent)) report(['parent', 'id'], 'must name one that exists');
  }
  reportFlagProblems(check, place, report);
  const type = place.types.get(resource.type);
  if (type === undefined) return;
  const rule = type.rules.get(operation);
  if (rule === undefined) report(['operation'], `is not configured for ${type.name}`, type.name);
  else if (!isNew || operation === 'create') reportRuleProblems(check, type, rule, report);
  const needsTenantRule = check.createIfAbsent || check.createIfUnnamed;
  if (needsTenantRule && type.rules.get('create')?.kind !== 'tenant') {
    const flag = check.createIfAbsent ? 'create_if_absent' : 'create_if_unnamed';
    report([flag], `creating a ${type.name} in an account is not configured`, type.name);
  }
}

function reportRuleProblems(check: CheckTemplate, type: ResourceType, rule: CheckRule, report: ReportAt): void {
  const { parent } = check;
  if (!isNewResource(check.resource)) {
    if (rule.kind === 'tenant') report(['id'], `must be "${NEW_RESOURCE_ID}" to create a ${type.name}`, type.name);
    return;
  }
  switch (rule.kind) {
    case 'self':
      report(['id'], `must name a ${type.name} that exists`, type.name);
      return;
    case 'tenant':
      if (parent !== undefined) report(['parent'], `a new ${type.name} is checked without it`, type.name);
      return;
    case 'parent':
      if (parent === undefined) report(['parent'], `is required: the ${rule.parentType} it will belong to`, type.name);
      else if (parent.type !== rule.parentType) report(['parent', 'type'], `must be ${rule.parentType}`, type.name);
      return;
    default:
      rule satisfies never;
  }
}

function reportFlagProblems(check: CheckTemplate, { isFurther }: CheckPlace, report: ReportAt): void {
  const { resource, createIfAbsent, createIfUnnamed, ifGiven } = check;
  if (createIfAbsent && resource.name === undefined) report(['create_if_absent'], 'goes with name only');
  const canBeAbsent = [resource.id, resource.name].every((template) => template === undefined || isOptional(template));
  if (createIfUnnamed && !canBeAbsent) {
    report(['create_if_unnamed'], 'has no effect: a request always gives the id or the name');
  }
  if (!ifGiven) return;
  if (!isFurther) report(['if_given'], 'is for the checks of also: a route needs one that is always made');
  if (!canBeAbsent) report(['if_given'], 'has no effect: a request always gives the id or the name');
  if (createIfUnnamed) report(['if_given'], 'does not go with create_if_unnamed');
}

function reportResourceProblems({ type, id, name }: ResourceTemplate, place: CheckPlace, report: ReportAt): void {
  const known = place.types.get(type);
  if (known === undefined) report(['type'], 'is not a configured type', type);
  if (id === undefined && name === undefined) report(['id'], 'is required, or name');
  if (id !== undefined && name !== undefined && !(isOptional(id) && isOptional(name))) {
    report(['name'], 'goes with an id only where a request can leave out either: in query, body or params');
  }
  if (name !== undefined && known?.named === false) {
    report(['name'], `a ${type} has no unique name: use its id`, type);
  }
  if (id !== undefined) reportTemplateProblems('id', id, place, report);
  if (name !== undefined) reportTemplateProblems('name', name, place, report);
}

function reportTemplateProblems(field: 'id' | 'name', template: Template, place: CheckPlace, report: ReportAt): void {
  switch (template.kind) {
    case 'literal': {
      const problem = field === 'id' ? identifierProblem(template.text) : nameProblem(template.text);
      if (problem !== undefined) report([field], problem);
      return;
    }
    case 'path':
      for (const parameter of template.names) {
        if (!place.parameters.has(parameter)) report([field], `the path has no parameter {${parameter}}`);
      }
      return;
    case 'query':
      return;
    case 'body':
      if (place.isJsonRpc) report([field], 'must be {params.…} in a route with json_rpc');
      return;
    case 'params':
      if (!place.isJsonRpc) report([field], '{params.…} is for routes with json_rpc: use {body.…}');
      return;
    default:
      template satisfies never;
  }
}

function isNewResource({ id }: ResourceTemplate): boolean {
  return id?.kind === 'literal' && id.text === NEW_RESOURCE_ID;
}
