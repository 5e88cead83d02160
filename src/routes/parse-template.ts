import { PLACEHOLDER_NAME } from './parse-pattern.ts';
import type { Template } from './route.ts';

/** A text with places, or what is wrong with it. */
export type ParsedTemplate =
  { readonly kind: 'template'; readonly template: Template } | { readonly kind: 'problem'; readonly problem: string };

const PLACEHOLDER = /^\{([A-Za-z_][A-Za-z0-9_.-]{0,255})\}$/;
const KEY = /^[A-Za-z0-9_-]+$/;
const FORM =
  'must be a text without braces, {parameter}, {query.name}, {body.key}, {params.key}, or parameters of the path with / between';

/** Parses an id or a name of the table. */
export function parseTemplate(text: string): ParsedTemplate {
  if (!text.includes('{') && !text.includes('}')) return { kind: 'template', template: { kind: 'literal', text } };
  const places = text.split('/').map((part) => PLACEHOLDER.exec(part)?.[1]);
  const names: string[] = [];
  for (const place of places) {
    if (place === undefined) return problem(FORM);
    names.push(place);
  }
  const [first = ''] = names;
  if (names.length === 1 && first.includes('.')) return parseSource(first);
  if (!names.every((name) => PLACEHOLDER_NAME.test(name))) return problem(FORM);
  return { kind: 'template', template: { kind: 'path', names } };
}

/** The text that parses to the template. */
export function formatTemplate(template: Template): string {
  switch (template.kind) {
    case 'literal':
      return template.text;
    case 'path':
      return template.names.map((name) => `{${name}}`).join('/');
    case 'query':
      return `{query.${template.name}}`;
    case 'body':
    case 'params':
      return `{${template.kind}.${template.keys.join('.')}}`;
    default:
      return template satisfies never;
  }
}

/** True for what a request can leave out. */
export function isOptional(template: Template): boolean {
  return template.kind === 'query' || template.kind === 'body' || template.kind === 'params';
}

function parseSource(place: string): ParsedTemplate {
  const [source = '', ...keys] = place.split('.');
  if (!keys.every((key) => KEY.test(key))) return problem(FORM);
  switch (source) {
    case 'body':
    case 'params':
      return { kind: 'template', template: { kind: source, keys } };
    case 'query': {
      const [name = '', ...others] = keys;
      return others.length > 0 ? problem(FORM) : { kind: 'template', template: { kind: 'query', name } };
    }
    default:
      return problem(FORM);
  }
}

function problem(text: string): ParsedTemplate {
  return { kind: 'problem', problem: text };
}
