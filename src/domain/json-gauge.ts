const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** What each byte that is in no text does to the depth. */
const DEPTH_OF = new Int8Array(256);
for (const opening of '[{') DEPTH_OF[opening.charCodeAt(0)] = 1;
for (const closing of ']}') DEPTH_OF[closing.charCodeAt(0)] = -1;

export interface JsonBounds {
  /** Levels of arrays and objects. */
  readonly maxDepth: number;
  /** Elements, members, arrays and objects, all together. */
  readonly maxValues: number;
}

/**
 * Follows how deep JSON nests and how many values it has, chunk by chunk. A parser takes some hundred bytes for each level,
 * and time for each value, before it finds out that the text is no message.
 *
 * @returns For each chunk, what is exceeded, if anything is.
 */
export function createJsonGauge({
  maxDepth,
  maxValues,
}: JsonBounds): (chunk: Uint8Array) => keyof JsonBounds | undefined {
  let depth = 0;
  let values = 0;
  let isInString = false;
  let isEscaped = false;
  return (chunk) => {
    // Not `for … of`, whose iterator takes as long as the rest.
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (isEscaped) isEscaped = false;
      else if (isInString) {
        if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInString = false;
      } else if (byte === QUOTE) isInString = true;
      else {
        const deeper = DEPTH_OF[byte] ?? 0;
        depth += deeper;
        if (depth > maxDepth) return 'maxDepth';
        // The first of each array and object has no comma.
        if (deeper > 0 || byte === COMMA) values += 1;
        if (values > maxValues) return 'maxValues';
      }
    }
    return undefined;
  };
}
