import type { Operation } from '../domain/operation.ts';
import { OPERATIONS } from '../domain/operation.ts';
import type { Registration } from '../domain/registration.ts';
import type { PrincipalKind } from '../domain/principal.ts';
import { PRINCIPAL_KINDS } from '../domain/principal.ts';
import type { RowValues } from '../domain/row-values.ts';
import type { Role } from '../domain/role.ts';
import { ROLES } from '../domain/role.ts';
import type { CheckRule, ResourceType, TypeModel } from '../domain/type-model.ts';
import type { TypeSource } from './config.ts';
import { DEFAULT_TYPES } from './default-types.ts';
import { typeNameProblem } from './fields.ts';
import { didYouMean } from './nearest.ts';
import { parseRule } from './parse-rule.ts';
import type { ReportProblem } from './problem.ts';
import { toKeyPath } from './problem.ts';
import type { Settings, TypeSettings } from './settings-schema.ts';
import { createTypesSchema } from './settings-schema.ts';

/** What `types` comes to. */
export interface BuiltTypes {
  readonly types: TypeModel;
  readonly sources: readonly TypeSource[];
  readonly registrations: readonly Registration[];
}

interface Context {
  readonly all: ReadonlyMap<string, TypeSettings>;
  readonly report: ReportProblem;
  /** True for a type whose shape can't be known, because a key that gives it its shape is wrong. */
  readonly isUnclear: (type: string) => boolean;
}

const REGISTERED_ONLY = ['tenant_relation', 'owner_relation', 'parent', 'roles', 'rows'] as const;
const CHILD_ONLY = ['parents', 'same_id_as'] as const;

/** Puts the configured types over the default ones, and reports every reference that leads nowhere. */
export function buildTypes(
  configured: Settings['types'],
  deps: { readonly report: ReportProblem; readonly isUnclear: (type: string) => boolean },
): BuiltTypes {
  const context: Context = { all: mergeTypes(configured, deps.report), ...deps };
  const types = new Map<string, ResourceType>();
  const sources: TypeSource[] = [];
  const registrations: Registration[] = [];
  for (const [name, settings] of context.all) {
    if (context.isUnclear(name)) continue;
    checkShape(name, settings, context);
    const { registered } = settings;
    types.set(name, {
      name,
      registered,
      named: settings.name !== undefined,
      rules: buildRules(name, settings, context),
    });
    const source = toSource(name, settings);
    if (source !== undefined) sources.push(source);
    if (registered) registrations.push(toRegistration(name, settings));
  }
  return { types, sources, registrations };
}

function mergeTypes(configured: Settings['types'], report: ReportProblem): Map<string, TypeSettings> {
  const merged = new Map<string, TypeSettings>();
  for (const [name, settings] of Object.entries(createTypesSchema().parse(DEFAULT_TYPES))) {
    if (settings !== null) merged.set(name, settings);
  }
  for (const [name, settings] of Object.entries(configured)) {
    const problem = typeNameProblem(name);
    if (problem !== undefined) {
      report(toKeyPath(['types', name]), problem);
    } else if (settings !== null) {
      const { rows } = settings;
      const base = merged.get(name);
      merged.set(
        name,
        rows !== undefined && base !== undefined && hasRowsAlone(settings) ? { ...base, rows } : settings,
      );
    } else if (!merged.delete(name)) {
      report(
        `types.${name}`,
        `null removes a default type, and there is none of this name${didYouMean(name, merged.keys())}`,
      );
    }
  }
  return merged;
}

/** By itself it is no type: it says of a default one whom its rows belong to. */
function hasRowsAlone({ rows, registered, operations, ...others }: TypeSettings): boolean {
  const isBare = !registered && Object.keys(operations).length === 0;
  return rows !== undefined && isBare && Object.values(others).every((value) => value === undefined);
}

function checkShape(name: string, settings: TypeSettings, context: Context): void {
  const report: ReportProblem = (key, message) => context.report(`types.${name}.${key}`, message);
  if (settings.registered) {
    for (const key of CHILD_ONLY) {
      if (settings[key] !== undefined)
        report(key, 'is for child types: a registered type has relationships of its own');
    }
    if (settings.table === undefined && settings.name !== undefined) report('table', 'is required to look up a name');
    if (settings.table === undefined && settings.id !== undefined) report('table', 'is required with id');
    checkRegisteredParent(name, settings, context);
    checkRoles(settings, report);
    checkRows(settings, report);
    return;
  }
  for (const key of REGISTERED_ONLY) {
    if (settings[key] !== undefined) report(key, 'is for registered types: a child type has no relationships');
  }
  if (settings.same_id_as === undefined) {
    if (settings.table === undefined) report('table', 'is required for a child type (or same_id_as)');
    if (settings.parents === undefined || Object.keys(settings.parents).length === 0) {
      report('parents', 'is required for a child type (or same_id_as): parent type → column with its id');
    }
  } else {
    for (const key of ['table', 'id', 'name', 'parents'] as const) {
      if (settings[key] !== undefined) report(key, 'does not go with same_id_as: there is nothing to look up');
    }
    checkReference(`types.${name}.same_id_as`, settings.same_id_as, name, context);
  }
  for (const parentType of Object.keys(settings.parents ?? {})) {
    checkReference(toKeyPath(['types', name, 'parents', parentType]), parentType, name, context);
  }
}

function checkRegisteredParent(name: string, { parent }: TypeSettings, context: Context): void {
  if (parent === undefined) return;
  for (const key of ['relation', 'type'] as const) {
    if (parent[key] === undefined) context.report(`types.${name}.parent.${key}`, 'is required');
  }
  if (parent.type === undefined) return;
  checkReference(`types.${name}.parent.type`, parent.type, name, context);
  const target = context.all.get(parent.type);
  if (
    target?.registered === true &&
    !context.isUnclear(parent.type) &&
    target.operations[parent.operation] === undefined
  ) {
    context.report(`types.${name}.parent.operation`, `${parent.operation} is no operation of ${parent.type}`);
  }
}

function checkRoles(
  { roles, owner_relation: ownerRelation = 'owner', operations }: TypeSettings,
  report: ReportProblem,
): void {
  if (roles?.owner !== undefined && roles.owner !== ownerRelation) {
    report('roles.owner', `must be ${ownerRelation}, the owner_relation that registering writes`);
  }
  if (roles !== undefined && operations.share === undefined) {
    report('roles', 'can not be given by anyone without operations.share: who holds that permission may give them');
  }
}

function checkRows({ rows, table, parent }: TypeSettings, report: ReportProblem): void {
  if (rows === undefined) return;
  if (table === undefined) report('table', 'is required with rows');
  if (rows.account === undefined) report('rows.account', 'is required: the column with the account of a row');
  if (rows.owner === undefined || Object.keys(rows.owner).length === 0) {
    report('rows.owner', 'is required: kind of principal → column with its id');
  }
  for (const kind of Object.keys(rows.owner ?? {})) {
    if (isPrincipalKind(kind)) continue;
    report(
      toKeyPath(['rows', 'owner', kind]),
      `must be one of ${PRINCIPAL_KINDS.join(', ')}${didYouMean(kind, PRINCIPAL_KINDS)}`,
    );
  }
  if (rows.parent !== undefined && parent === undefined) {
    report('rows.parent', 'has no effect without parent: the type hangs off nothing');
  }
}

/** A parent must be a registered type that is configured. */
function checkReference(path: string, type: string, from: string, { all, report, isUnclear }: Context): void {
  if (isUnclear(type)) return;
  const target = all.get(type);
  if (target?.registered === true) return;
  if (target !== undefined) {
    report(path, `${type} is a child type: a parent must be a registered type`);
    return;
  }
  const isDefault = Object.hasOwn(DEFAULT_TYPES, from) ? `; set types.${from} to null if the application has none` : '';
  report(path, `is not a configured type${didYouMean(type, all.keys())}${isDefault}`);
}

function buildRules(name: string, settings: TypeSettings, context: Context): ReadonlyMap<Operation, CheckRule> {
  const rules = new Map<Operation, CheckRule>();
  const parentTypes = [
    ...Object.keys(settings.parents ?? {}),
    ...(settings.same_id_as === undefined ? [] : [settings.same_id_as]),
  ];
  for (const operation of OPERATIONS) {
    const text = settings.operations[operation];
    if (text === undefined) continue;
    const parsed = parseRule(text, { operation, registered: settings.registered, parentTypes });
    if (parsed.kind === 'rule') rules.set(operation, parsed.rule);
    else context.report(`types.${name}.operations.${operation}`, parsed.message);
  }
  return rules;
}

function toSource(type: string, settings: TypeSettings): TypeSource | undefined {
  const { table, id = 'id', name, parents = {}, same_id_as: parentType } = settings;
  const rows = toRowValues(settings.rows);
  if (parentType !== undefined) return { kind: 'same_id', type, parentType };
  if (table === undefined) return undefined;
  return {
    kind: 'postgres',
    type,
    table,
    id,
    ...(name === undefined ? {} : { name }),
    parents,
    ...(rows === undefined ? {} : { rows }),
  };
}

/** Undefined where something is missing too, which is a problem that `checkRows` has reported. */
function toRowValues(rows: TypeSettings['rows']): RowValues | undefined {
  if (rows?.account === undefined) return undefined;
  const { account, parent, where } = rows;
  const owner = Object.entries(rows.owner ?? {}).flatMap(([kind, value]) =>
    isPrincipalKind(kind) ? [{ kind, value }] : [],
  );
  return {
    owner,
    account,
    ...(parent === undefined ? {} : { parent }),
    ...(where === undefined ? {} : { where }),
  };
}

function isPrincipalKind(text: string): text is PrincipalKind {
  return PRINCIPAL_KINDS.some((kind) => kind === text);
}

function toRegistration(type: string, settings: TypeSettings): Registration {
  const { tenant_relation: tenantRelation = 'tenant', owner_relation: ownerRelation = 'owner', parent } = settings;
  const base = { type, tenantRelation, ownerRelation, roles: toRoles(settings.roles ?? {}, ownerRelation) };
  if (parent?.relation === undefined || parent.type === undefined) return base;
  return { ...base, parent: { relation: parent.relation, type: parent.type, operation: parent.operation } };
}

/** Whoever registers becomes the owner, so every type has that role. */
function toRoles(roles: NonNullable<TypeSettings['roles']>, ownerRelation: string): ReadonlyMap<Role, string> {
  const relations = { ...roles, owner: roles.owner ?? ownerRelation };
  return new Map(
    ROLES.flatMap((role): [Role, string][] => {
      const relation = relations[role];
      return relation === undefined ? [] : [[role, relation]];
    }),
  );
}
