/** SpiceDB's rule for the names of definitions, relations and permissions; a definition may have a prefix. */
const NAME = '[a-z][a-z0-9_]{1,62}[a-z0-9]';
const PERMISSION = new RegExp(`^${NAME}$`);
const DEFINITION = new RegExp(`^(?:${NAME}/)*${NAME}$`);
/** Such as the methods of HTTP. */
const UPPER_CASE = /^[A-Z][A-Z0-9_]*$/;

const MAX_DEFINITION_LENGTH = 128;

/** How the names of a standard are those of the relationships. */
export interface PolicyNames {
  /** The name of a type or a definition; undefined if there can be none. */
  definitionOf(type: string): string | undefined;
  /** The name of an operation or a permission; undefined if there can be none. */
  permissionOf(action: string): string | undefined;
}

/**
 * Names that are configured, and for all others the rule: a name is itself where SpiceDB could have it. An action wholly in
 * upper case is the same in lower case (`GET` is `get`); any other difference in case makes another name, which nobody holds.
 */
export function createPolicyNames({
  types,
  actions,
}: {
  readonly types: ReadonlyMap<string, string>;
  readonly actions: ReadonlyMap<string, string>;
}): PolicyNames {
  return {
    definitionOf: (type) =>
      types.get(type) ?? (type.length <= MAX_DEFINITION_LENGTH && DEFINITION.test(type) ? type : undefined),
    permissionOf(action) {
      const configured = actions.get(action);
      if (configured !== undefined) return configured;
      const name = UPPER_CASE.test(action) ? action.toLowerCase() : action;
      return PERMISSION.test(name) ? name : undefined;
    },
  };
}
