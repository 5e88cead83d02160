import type { PatternSegment } from './route.ts';

/** `GET,PUT /tasks/{task_id}` in parts, or what is wrong with it. */
export type ParsedPattern =
  | {
      readonly kind: 'pattern';
      readonly methods: readonly string[];
      readonly path: string;
      readonly segments: readonly PatternSegment[];
    }
  | { readonly kind: 'problem'; readonly problem: string };

/** The name of a parameter, and of the first key of any placeholder. */
export const PLACEHOLDER_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const METHOD = /^[A-Z]{1,16}$/;
/** What RFC 3986 lets a segment have, without `;`, `*`, and `%`: literals are written as they are after decoding. */
const LITERAL = /^[A-Za-z0-9._~!$&'()+,=:@-]+$/;
const MAX_LENGTH = 2_048;
const REST = '**';

const FORM = 'must be methods and a path, such as GET /tasks/{task_id} or GET,HEAD /tasks';

/** Parses the `match` of a route. */
export function parsePattern(match: string): ParsedPattern {
  if (match.length > MAX_LENGTH) return problem(`must be at most ${MAX_LENGTH} characters`);
  const [list = '', path = '', ...others] = match.split(' ');
  if (list === '' || path === '' || others.length > 0) return problem(FORM);
  const methods = list.split(',');
  if (!methods.every((method) => METHOD.test(method))) return problem(FORM);
  if (new Set(methods).size < methods.length) return problem('has a method twice');
  return parsePath(methods, path);
}

/** What is wrong with a base path such as `/api/v1`; undefined if nothing is. */
export function basePathProblem(basePath: string): string | undefined {
  const [first, ...texts] = basePath.split('/');
  const isPath = first === '' && texts.length > 0 && basePath.length <= MAX_LENGTH;
  return isPath && texts.every((text) => isLiteral(text))
    ? undefined
    : 'must be a path without parameters and without a slash at its end, such as /api/v1';
}

function parsePath(methods: readonly string[], path: string): ParsedPattern {
  const [first, ...texts] = path.split('/');
  if (first !== '' || texts.length === 0) return problem(FORM);
  const segments: PatternSegment[] = [];
  const names = new Set<string>();
  for (const [index, text] of texts.entries()) {
    const isLast = index === texts.length - 1;
    const segment = parseSegment(text, isLast);
    if (segment === undefined) {
      return problem(`has a segment that is no {parameter}, no plain text, and not ${REST} at the end`);
    }
    if (segment.kind === 'parameter') {
      if (names.has(segment.name)) return problem(`has the parameter {${segment.name}} twice`);
      names.add(segment.name);
    }
    segments.push(segment);
  }
  return { kind: 'pattern', methods, path, segments };
}

function parseSegment(text: string, isLast: boolean): PatternSegment | undefined {
  if (text === REST) return isLast ? { kind: 'rest' } : undefined;
  if (text === '') return isLast ? { kind: 'literal', text } : undefined;
  if (!text.startsWith('{')) return isLiteral(text) ? { kind: 'literal', text } : undefined;
  const name = text.slice(1, -1);
  return text.endsWith('}') && PLACEHOLDER_NAME.test(name) ? { kind: 'parameter', name } : undefined;
}

function isLiteral(text: string): boolean {
  return LITERAL.test(text) && text !== '.' && text !== '..';
}

function problem(text: string): ParsedPattern {
  return { kind: 'problem', problem: text };
}
