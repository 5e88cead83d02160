/** A text, and how it was read out of another: `body`, `body › base64`, … */
export interface TextView {
  readonly text: string;
  readonly where: string;
}

/** An id in a cursor in a URL in JSON is found; nobody nests deeper by accident. */
const MAX_DEPTH = 3;
const MAX_CHARACTERS = 64 * 1024 * 1024;

const DECODERS: Readonly<Record<string, (text: string) => string>> = {
  percent: decodePercent,
  escapes: decodeEscapes,
  html: decodeHtml,
  base64: decodeBase64,
  hex: decodeHex,
};

/**
 * The text as it stands, and whatever can be read out of it by undoing percent encoding, the escapes of JSON and HTML,
 * base64 (both alphabets, at any offset) and hex, also one in another.
 *
 * @throws RangeError if that is too much: what was not searched must not pass.
 */
export function toViews({ text, where }: TextView): readonly TextView[] {
  const seen = new Map([[text, where]]);
  let latest: TextView[] = [{ text, where }];
  let characters = text.length;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const found: TextView[] = [];
    for (const view of latest) {
      for (const [name, decode] of Object.entries(DECODERS)) {
        const decoded = decode(view.text);
        if (decoded === '' || seen.has(decoded)) continue;
        characters += decoded.length;
        if (characters > MAX_CHARACTERS) throw new RangeError(`${where} is too long to be searched`);
        const next = { text: decoded, where: `${view.where} › ${name}` };
        seen.set(decoded, next.where);
        found.push(next);
      }
    }
    latest = found;
  }
  return Array.from(seen, ([key, label]) => ({ text: key, where: label }));
}

function decodePercent(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

function decodeEscapes(text: string): string {
  return text
    .replaceAll(/\\u[\da-f]{4}|\\u\{[\da-f]{1,6}\}|\\x[\da-f]{2}/gi, (escape) =>
      toCharacter(Number.parseInt(escape.replaceAll(/[\\ux{}]/gi, ''), 16)),
    )
    .replaceAll(/\\(["'\\/])/g, '$1');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeHtml(text: string): string {
  return text
    .replaceAll(/&#x([\da-f]+);/gi, (_, digits: string) => toCharacter(Number.parseInt(digits, 16)))
    .replaceAll(/&#(\d+);/g, (_, digits: string) => toCharacter(Number(digits)))
    .replaceAll(/&(amp|lt|gt|quot|apos);/g, (entity, name: string) => ENTITIES[name] ?? entity);
}

function toCharacter(code: number): string {
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : '';
}

/** What comes before may be of the alphabet too, so it is read from each of the four places where it can begin. */
function decodeBase64(text: string): string {
  return decodeRuns(text, /[\w+/-]{8,}/g, [0, 1, 2, 3], (run) => Buffer.from(run, 'base64'));
}

function decodeHex(text: string): string {
  return decodeRuns(text, /[\da-f]{8,}/gi, [0, 1], (run) => Buffer.from(run, 'hex'));
}

/** What reads like text of all that the runs decode to, a line each. */
function decodeRuns(
  text: string,
  pattern: RegExp,
  offsets: readonly number[],
  decode: (run: string) => Buffer,
): string {
  return Array.from(text.matchAll(pattern), ([run]) => offsets.map((offset) => decode(run.slice(offset)).toString()))
    .flat()
    .filter((decoded) => /[\u0020-\u007e]{3}/.test(decoded))
    .join('\n');
}
