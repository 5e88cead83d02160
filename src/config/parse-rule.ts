import type { Operation } from '../domain/operation.ts';
import type { CheckRule } from '../domain/type-model.ts';
import { isSpicedbName } from './fields.ts';
import { didYouMean } from './nearest.ts';

/** A rule, or what is wrong with its text. */
export type ParsedRule =
  { readonly kind: 'rule'; readonly rule: CheckRule } | { readonly kind: 'problem'; readonly message: string };

/** What a rule may refer to. */
export interface RuleContext {
  readonly operation: Operation;
  readonly registered: boolean;
  readonly parentTypes: readonly string[];
}

const TENANT = 'tenant';

/** Parses `permission`, `tenant.permission` or `<parent type>.permission`. */
export function parseRule(text: string, { operation, registered, parentTypes }: RuleContext): ParsedRule {
  const parts = text.split('.');
  const permission = parts.at(-1) ?? '';
  const target = parts.length === 2 ? parts[0] : undefined;
  if (parts.length > 2 || !isSpicedbName(permission)) {
    return problem(
      'must be a permission, tenant.<permission> or <parent type>.<permission>; ' +
        'a permission is 3 to 64 of a-z, 0-9 and _, starting with a letter and not ending with _',
    );
  }
  if (target === undefined) {
    if (registered) return { kind: 'rule', rule: { kind: 'self', permission } };
    return problem(`a child type has no permissions of its own: write <parent type>.${permission}`);
  }
  if (target === TENANT) {
    if (operation === 'create') return { kind: 'rule', rule: { kind: 'tenant', permission } };
    return problem('tenant.<permission> is for create only: what exists is decided on itself or its parent');
  }
  if (registered) return problem('a registered type is decided on itself: write the permission alone');
  if (parentTypes.includes(target)) return { kind: 'rule', rule: { kind: 'parent', parentType: target, permission } };
  return problem(
    `${target === '' ? 'the empty type' : target} is not one of the type's parents${didYouMean(target, parentTypes)}`,
  );
}

function problem(message: string): ParsedRule {
  return { kind: 'problem', message };
}
