import type { JsonValue } from './json-value.ts';

/** Where a number or a word ends. */
const SCALAR_END = /[\s,\]}]|$/g;
const SPACE = /\s*/y;

/**
 * Reads JSON key by key. `JSON.parse` may take an escaped key for another one that it has seen before, in another text
 * (nodejs/node#63785): who sends the one could then hide the other. It is right about texts that are no keys.
 *
 * @param text JSON that is valid, and bounded in its depth
 */
export function readJson(text: string): JsonValue {
  let at = 0;
  const peek = (): string => {
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
    return text.charAt(at);
  };
  const readString = (): string => {
    const start = at;
    at = findStringEnd(text, at) + 1;
    const read: string = JSON.parse(text.slice(start, at));
    return read;
  };
  /** A number or a word. */
  const readScalar = (): JsonValue => {
    const start = at;
    SCALAR_END.lastIndex = at;
    at = SCALAR_END.exec(text)?.index ?? text.length;
    const read: JsonValue = JSON.parse(text.slice(start, at));
    return read;
  };
  const readList = (): JsonValue => {
    const list: JsonValue[] = [];
    for (at += 1; peek() !== ']';) {
      list.push(readValue());
      if (peek() === ',') at += 1;
    }
    at += 1;
    return list;
  };
  const readObject = (): JsonValue => {
    const object: { [key: string]: JsonValue } = {};
    for (at += 1; peek() !== '}';) {
      const key = readString();
      // The colon.
      peek();
      at += 1;
      const value = readValue();
      // Not an assignment, which `__proto__` would take for a prototype.
      Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
      if (peek() === ',') at += 1;
    }
    at += 1;
    return object;
  };
  const readValue = (): JsonValue => {
    switch (peek()) {
      case '{':
        return readObject();
      case '[':
        return readList();
      case '"':
        return readString();
      default:
        return readScalar();
    }
  };
  return readValue();
}

const QUOTE = '"';
const BACKSLASH = 0x5c;

/** The place of the quote that ends the string which begins at `start`; the end of the text if there is none. */
export function findStringEnd(text: string, start: number): number {
  for (let at = text.indexOf(QUOTE, start + 1); at !== -1; at = text.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}
