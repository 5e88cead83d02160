import type { ErrorCode } from 'yaml';
import { LineCounter, parseDocument, visit } from 'yaml';

/** What a YAML text holds, or why it holds nothing that can be used. */
export type ParsedYaml =
  | { readonly kind: 'parsed'; readonly value: unknown }
  /** Each message starts with its line and column. */
  | { readonly kind: 'malformed'; readonly messages: readonly string[] };

/** After these, the parser has lost its footing and the rest is noise. */
const MAX_MESSAGES = 20;

/** Our own words: the parser's quote the text, which may hold a secret. */
const MESSAGES: Partial<Record<ErrorCode, string>> = {
  BAD_DIRECTIVE: 'unknown directive',
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_SCALAR_START: 'a value that starts with this character must be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping inside a value: quote the value, or start a new line',
  BLOCK_IN_FLOW: 'indented lists and mappings can not be inside brackets',
  DUPLICATE_KEY: 'the key is there twice',
  KEY_OVER_1024_CHARS: 'the key is too long',
  MISSING_CHAR: 'something is missing: a closing quote, a colon, a comma or a space',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line: is a colon missing?',
  MULTIPLE_DOCS: 'only one document is read: remove the ---',
  NON_STRING_KEY: 'keys must be text',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'indent with spaces, not with tabs',
  TAG_RESOLVE_FAILED: 'unknown tag: quote a value that starts with !',
};

/** Parses one YAML 1.2 document. Aliases are refused: a configuration that reads top to bottom needs none. */
export function parseYaml(text: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  const messages: string[] = [];
  const note = (offset: number, message: string): void => {
    const { line, col } = lineCounter.linePos(offset);
    messages.push(`line ${line}, column ${col}: ${message}`);
  };
  for (const { code, pos } of [...document.errors, ...document.warnings].slice(0, MAX_MESSAGES)) {
    note(pos[0], MESSAGES[code] ?? 'not valid YAML');
  }
  if (messages.length > 0) return { kind: 'malformed', messages };

  visit(document, {
    Alias: (_key, alias) => note(alias.range?.[0] ?? 0, 'aliases are not supported: quote a value that starts with *'),
  });
  return messages.length > 0 ? { kind: 'malformed', messages } : { kind: 'parsed', value: document.toJS() as unknown };
}
