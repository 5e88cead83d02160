const COMMENTS = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const DEFINITION = /\bdefinition\s+([a-z0-9_/]+)/g;
/** From the colon to whatever ends a relation: the next member, or the end of the definition. */
const RELATION_SUBJECTS = /\brelation\s+[a-z0-9_]+\s*:([\s\S]*?)(?=\brelation\b|\bpermission\b|\})/g;
const WORD = /[a-z][a-z0-9_/]*/g;
/** Relationships that end by themselves end without a change that could be followed. */
const EXPIRATION = /\buse\s+expiration\b/;

/**
 * The types that are no relation's subject: a change of such an object bears on that object alone, since no permission
 * of another can reach it. Empty where relationships can expire. Whatever else stands among a relation's subjects (a
 * caveat, a relation) is taken for a type too, which can only make fewer types leaves.
 *
 * @param schema SpiceDB's schema text.
 * @returns undefined if answers must not be kept at all.
 */
export function findLeafTypes(schema: string): ReadonlySet<string> | undefined {
  const text = schema.replace(COMMENTS, ' ');
  if (EXPIRATION.test(text)) return undefined;
  const leaves = new Set(Array.from(text.matchAll(DEFINITION), ([, name = '']) => name));
  for (const [, subjects = ''] of text.matchAll(RELATION_SUBJECTS)) {
    for (const [word] of subjects.matchAll(WORD)) leaves.delete(word);
  }
  return leaves;
}
