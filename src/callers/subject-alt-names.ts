/** The names in a certificate that a caller can be told by. */
export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** One name with its kind, up to the next one or the end. */
const PLAIN_NAME = /(?<kind>[A-Za-z ]+):(?<value>[^,"\\]*)(?:, |$)/y;
const QUOTED_NAME = /(?<kind>[A-Za-z ]+):(?<value>"(?:[^"\\]|\\.)*")(?:, |$)/y;

/**
 * Parses the subject alternative names as Node writes them (`X509Certificate.subjectAltName`): `DNS:a, URI:b`, in which a
 * value with a comma, a quote or anything else that is not plain is a JSON string since CVE-2021-44532. Splitting at
 * commas would let one name pass for several.
 *
 * @returns undefined if any part is not of that form: then nothing of it is believed.
 */
export function parseSubjectAltNames(text: string): SubjectAltNames | undefined {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  for (let at = 0; at < text.length;) {
    const match = matchAt(QUOTED_NAME, text, at) ?? matchAt(PLAIN_NAME, text, at);
    const value = match === undefined ? undefined : unquote(match.groups?.['value'] ?? '');
    if (match === undefined || value === undefined) return undefined;
    const kind = match.groups?.['kind'];
    if (kind === 'URI') uris.push(value);
    if (kind === 'DNS') dnsNames.push(value);
    at += match[0].length;
    // A comma at the very end has nothing after it.
    if (at === text.length && match[0].endsWith(', ')) return undefined;
  }
  return { uris, dnsNames };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return undefined;
  }
}
